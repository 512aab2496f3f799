package docs_test

import (
	"strings"
	"testing"
)

// TestReadmePrograms: a block that is a whole file is a file of the repository, which
// compiles, has a test, and is short.
func TestReadmePrograms(t *testing.T) {
	for _, program := range []struct {
		page, file string
		lines      int
	}{
		{"README.md", "examples/hello/main.go", 25},
		{"ARCHITECTURE.md", "examples/piece/piece.go", 55},
	} {
		_, rest, _ := strings.Cut(readFile(t, program.page), "```go\npackage ")
		block, _, ok := strings.Cut(rest, "```")
		_, source, _ := strings.Cut(readFile(t, program.file), "\npackage ")
		if !ok || block != source {
			t.Errorf("%s does not show %s: copy it there, or here", program.page, program.file)
		}
		if lines := strings.Count(block, "\n"); lines > program.lines {
			t.Errorf("%s: the program has %d lines", program.page, lines)
		}
	}
}

// TestReadmeCommands: the commands and output in the README are those that the test of
// the program sends and expects.
func TestReadmeCommands(t *testing.T) {
	program := readFile(t, "examples/hello/hello_test.go")
	calls := 0
	for _, p := range markdownPages(t) {
		for _, f := range p.fences {
			lines := strings.Split(f.text, "\n")
			for i, line := range lines {
				if !strings.HasPrefix(line, "$ curl") {
					continue
				}
				calls++
				_, sent, _ := strings.Cut(line, "-d '")
				sent = strings.TrimSuffix(sent, "'")
				for _, text := range []string{sent, lines[i+1]} {
					if !strings.Contains(program, "`"+text+"`") {
						t.Errorf("%s:%d: examples/hello/hello_test.go has no `%s`", p.name, f.line+i+1, text)
					}
				}
			}
		}
	}
	if calls < 2 {
		t.Errorf("found %d calls of curl", calls)
	}
}
