package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is printed to testdata")

var section = regexp.MustCompile(`(?m)^-- (.+) --\n`)

// archive writes the files of a txtar archive to a directory.
func archive(t *testing.T, file string) (dir string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files, heads := map[string]string{}, section.FindAllStringSubmatchIndex(string(text), -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		files[string(text[h[2]:h[3]])] = string(text[h[1]:end])
	}
	return project(t, files)
}

// TestGoOutput compares the output for projects of all shapes, then compiles it and
// checks it against the project.
func TestGoOutput(t *testing.T) {
	printed := map[string]string{} // by file name
	calls := ""
	for i, c := range []struct{ project, stderr string }{
		{"calendar", ""},
		{"links", ""},
		{"documents", ""},
		{"store", ""},
		{"hostile", "app/api/twice/route.js and app/api/twice/route.ts"},
	} {
		dir := archive(t, filepath.Join("testdata", c.project+".txtar"))
		var stdout, stderr bytes.Buffer
		code := run([]string{"-go", dir}, &stdout, &stderr)
		if code != min(len(c.stderr), 1) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%s: code %d, %s", c.project, code, stderr.String())
		}
		golden := filepath.Join("testdata", c.project+".go.txt")
		if *update {
			if err := os.WriteFile(golden, stdout.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || stdout.String() != string(want) {
			t.Errorf("%s, %v: run the test with -update, and read what has changed\n%s", golden, err, stdout.String())
		}
		own := func(name string) string { return fmt.Sprint(name, i) }
		source := strings.NewReplacer("nextRoutes(", own("nextRoutes")+"(", "notPorted(", own("notPorted")+"(").Replace(stdout.String())
		printed[c.project+".go"] = source
		if c.stderr == "" {
			calls += fmt.Sprintf("check(%q, %q, %s(old))\n", c.project, dir, own("nextRoutes"))
		} else {
			calls += fmt.Sprintf("_ = %s\n", own("nextRoutes"))
		}
	}
	printed["main.go"] = fmt.Sprintf(checker, calls)
	got := runGo(t, printed)
	want := `calendar: 0 of 14 routes are ported
links: 0 of 11 routes are ported
documents: 0 of 11 routes are ported
store: 0 of 1 routes are ported
`
	if got != want {
		t.Errorf("the routes that were printed\n%s\nwant\n%s", got, want)
	}
}

// checker is a program that checks the routes against the project, with the old
// server for each, as at the start of a migration.
const checker = `package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

type printer string

func (printer) Helper() {}
func (p printer) Errorf(format string, args ...any) { fmt.Printf("%%s: %%s\n", p, fmt.Sprintf(format, args...)) }
func (p printer) Logf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if _, list, ok := strings.Cut(text, "\n\t"); ok {
		route, _, _ := strings.Cut(list, ":")
		text = "not compared: " + route
	}
	fmt.Printf("%%s: %%s\n", p, strings.TrimPrefix(text, "nextfs: "))
}

func check(name, dir string, routes map[string]http.Handler) {
	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(name, err)
		return
	}
	nextfs.Check(printer(name), os.DirFS(dir), h)
}

func main() {
	old := nextfs.Old(http.NotFoundHandler())
	%s
}
`

// runGo compiles and runs a program from memory, and returns its output.
func runGo(t *testing.T, files map[string]string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[filepath.Join(here, "testdata", "printed", name)] = file
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, text, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", "-overlay", file, "./testdata/printed").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}
