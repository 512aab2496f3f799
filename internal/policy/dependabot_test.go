package policy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependabot: updates are proposed for every module that has dependencies,
// and for none that has to stay where it is.
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
	for _, dir := range loadPolicyTree(t, root).nested {
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
