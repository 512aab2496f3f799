package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var m measured
	for i, line := range []string{
		"BenchmarkA-2 \t 100\t 10.0 ns/op\t 8 B/op\t 1 allocs/op",
		"BenchmarkA-2 \t 100\t 20.0 ns/op\t 8 B/op\t 1 allocs/op",
		"BenchmarkA-2 \t 100\t 10.0 ns/op\t 8 B/op\t 1 allocs/op",
	} {
		if m.before.read("goos: linux\n"+line+"\nBenchmarkGone 1 5 ns/op\nPASS\n") != 2 {
			t.Errorf("turn %d: not all is read", i)
		}
		after := "BenchmarkA-2 \t 100\t 99 ns/op\t 5.0 cpu-ns/op"
		if i == 1 {
			after = strings.ReplaceAll(after, "5.0", "50.0")
		}
		after = strings.ReplaceAll(after, "cpu-ns", "ns")
		after = strings.Replace(after, " 99 ns/op\t", "", 1)
		m.after.read(after + "\t 16 B/op\t 1 allocs/op\nBenchmarkNew 1 7 ns/op 3 cpu-ns/op")
	}
	var out strings.Builder
	if err := m.write(&out, "main"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"benchmark unit main now ratio middle half B/op allocs/op",
		"A ns/op 10 5 0.500 0.500 - 1.500 8 -> 16 1",
		"New cpu-ns/op - 3 new",
		"Gone ns/op 5 - gone",
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRun compares two revisions of a repository of its own.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	const text = "package p\n\nimport \"testing\"\n\nvar sink []byte\n\nfunc BenchmarkP(b *testing.B) {\n\tfor b.Loop() {\n\t\tsink = make([]byte, %d)\n\t}\n}\n"
	write("bench/go.mod", "module example.org/p\n\ngo 1.26\n")
	write("bench/p/p_test.go", fmt.Sprintf(text, 64))
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "base")
	write("bench/p/p_test.go", fmt.Sprintf(text, 128))

	var out strings.Builder
	c := command{pkg: "./p", bench: "P", benchtime: "100x", rounds: 2, out: &out}
	if err := c.run(t.Context(), "HEAD"); err != nil || !strings.Contains(out.String(), "64 -> 128") {
		t.Errorf("%v\n%s", err, &out)
	}
	if trees, _ := exec.Command("git", "worktree", "list").Output(); strings.Count(string(trees), "\n") != 1 {
		t.Errorf("left behind:\n%s", trees)
	}
	if err := c.run(t.Context(), "no-such-revision"); err == nil {
		t.Error("a revision that is not there: no error")
	}
	c.bench = "None"
	if err := c.run(t.Context(), "HEAD"); err == nil || !strings.Contains(err.Error(), "None") {
		t.Errorf("no benchmark matches: %v", err)
	}
}
