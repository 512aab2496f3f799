package docs_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// llmsLine is a line of the list in llms.txt: a link and its description.
var llmsLine = regexp.MustCompile(`^- \[[^]]+\]\(([^)]+)\): \S.*[^.]$`)

// TestLLMs: llms.txt has a line for each page, package and example that a reader may
// want, and no other lines. Its form is that of https://llmstxt.org: a title, a
// summary, and lists of links below headings.
func TestLLMs(t *testing.T) {
	const file = "llms.txt"
	lines := strings.Split(strings.TrimSuffix(readFile(t, file), "\n"), "\n")
	if len(lines) < 5 || !strings.HasPrefix(lines[0], "# ") || lines[1] != "" || !strings.HasPrefix(lines[2], "> ") {
		t.Errorf("%s begins with a title, an empty line and a summary", file)
	}
	var want []string
	for _, p := range markdownPages(t) {
		want = append(want, p.name)
	}
	for _, api := range filesAt(t, "internal/policy/testdata/api/*.txt") {
		want = append(want, strings.ReplaceAll(strings.TrimSuffix(path.Base(api), ".txt"), "_", "/"))
	}
	for _, main := range filesAt(t, "examples/*/*.go", "adapters/*/doc.go") {
		if dir := path.Dir(main); !slices.Contains(want, dir) && !slices.Contains(want, dir+"/README.md") {
			want = append(want, dir)
		}
	}
	var got []string
	for i, line := range lines {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		m := llmsLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("%s:%d: want a link, a colon and what is there, without a full stop: %s", file, i+1, line)
			continue
		}
		if slices.Contains(got, m[1]) {
			t.Errorf("%s:%d: %s is listed twice", file, i+1, m[1])
		}
		if !slices.Contains(want, m[1]) {
			t.Errorf("%s:%d: %s is no page, package or example", file, i+1, m[1])
		}
		got = append(got, m[1])
	}
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s has no line for %s", file, name)
		}
	}
}
