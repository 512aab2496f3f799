package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependabot: updates are proposed for every module with dependencies, and for none
// with pinned ones.
func TestDependabot(t *testing.T) {
	text, err := os.ReadFile(root + "/.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^ *directories: \[(.*)\]$`).FindSubmatch(text)
	if list == nil {
		t.Fatal("no list of directories")
	}
	got := strings.Split(string(list[1]), ", ")
	want := []string{"/"}
	for _, dir := range ourTree(t).nested {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(dir), "go.sum")); err == nil {
			want = append(want, "/"+dir)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the directories are %q, want %q", got, want)
	}
	for _, d := range dependencies {
		ignored := strings.Contains(string(text), "- dependency-name: "+d.module+"\n")
		if pinned := d.version != ""; pinned != ignored {
			t.Errorf("%s: ignored %t, pinned %t", d.module, ignored, pinned)
		}
	}
}

// TestGoReleases: the releases of Go that make matrix runs are those of the workflow, and
// go.mod requires the older of the two.
func TestGoReleases(t *testing.T) {
	find := func(file, pattern string) string {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s: nothing like %s", file, pattern)
		}
		return string(m[1])
	}
	made := find("Makefile", `(?m)^GO_RELEASES := (.*)$`)
	workflow := find(".github/workflows/ci.yml", `go: \[(.*)\]`)
	for _, noise := range []string{"go", "'", ","} {
		made, workflow = strings.ReplaceAll(made, noise, ""), strings.ReplaceAll(workflow, noise, "")
	}
	releases := strings.Fields(regexp.MustCompile(`(\d+\.\d+)\.\d+`).ReplaceAllString(made, "$1"))
	if len(releases) != 2 || !slices.Equal(releases, strings.Fields(workflow)) {
		t.Errorf("the Makefile has %q, ci.yml %q: want the same two", made, workflow)
	}
	if oldest := find("go.mod", `(?m)^go (\d+\.\d+)`); oldest != releases[0] {
		t.Errorf("go.mod requires %s, the older release is %s", oldest, releases[0])
	}
}

// TestMakeHelp: make help lists every target, with its description.
func TestMakeHelp(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	targets := regexp.MustCompile(`(?m)^([a-zA-Z][\w-]*):([^=\n].*)?$`).FindAllStringSubmatch(string(text), -1)
	for _, target := range targets {
		if !strings.Contains(target[2], " ## ") {
			t.Errorf("%s: say what it does after ##", target[1])
		}
		if !strings.Contains(string(text), ".PHONY: "+target[1]+"\n") {
			t.Errorf("%s is not in .PHONY", target[1])
		}
	}
	if len(targets) < 20 {
		t.Errorf("found %d targets: is this still how they are written?", len(targets))
	}
}
