package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTourDiffs: each diff of the tour is one between its step and the previous step.
// Removed lines are in the one file, added lines in the other, and context lines in
// both, in runs as shown.
func TestTourDiffs(t *testing.T) {
	const steps = 8
	i := slices.IndexFunc(markdownPages(t), func(p page) bool { return p.name == "examples/tour/README.md" })
	if i < 0 {
		t.Fatal("there is no tour")
	}
	p := markdownPages(t)[i]
	heading := regexp.MustCompile(`^## (\d+)\. `)
	var headings []int // the line of each step
	for line, text := range p.prose {
		if m := heading.FindStringSubmatch(text); m != nil {
			headings = append(headings, line+1)
			if m[1] != fmt.Sprint(len(headings)) {
				t.Errorf("%s:%d: step %s, want %d", p.name, line+1, m[1], len(headings))
			}
		}
	}
	if len(headings) != steps {
		t.Errorf("%s has %d steps, want %d", p.name, len(headings), steps)
	}
	shown := make(map[int]bool)
	for _, f := range p.fences {
		if f.language != "diff" {
			continue
		}
		step := 0
		for step < len(headings) && headings[step] < f.line {
			step++
		}
		shown[step] = true
		var before, after []string
		for line := range strings.Lines(f.text) {
			line = strings.TrimSuffix(line, "\n")
			switch line[0] {
			case '-':
				before = append(before, line[1:])
			case '+':
				after = append(after, line[1:])
			default:
				before, after = append(before, line[1:]), append(after, line[1:])
			}
		}
		for name, lines := range map[string][]string{
			fmt.Sprintf("examples/tour/step%d/main.go", step-1): before,
			fmt.Sprintf("examples/tour/step%d/main.go", step):   after,
		} {
			if text := "\n" + strings.Join(lines, "\n") + "\n"; len(lines) > 0 && !strings.Contains(readFile(t, name), text) {
				t.Errorf("%s:%d: %s does not have these lines:%s", p.name, f.line, name, text)
			}
		}
		if added := "\n" + strings.Join(after, "\n") + "\n"; strings.Contains(readFile(t, fmt.Sprintf("examples/tour/step%d/main.go", step-1)), added) {
			t.Errorf("%s:%d: step %d has these lines already", p.name, f.line, step-1)
		}
	}
	for step := 2; step <= steps; step++ {
		if !shown[step] {
			t.Errorf("%s: step %d shows no diff", p.name, step)
		}
	}
}
