package docs_test

import (
	"strings"
	"testing"
)

// TestReadmeProgram: the first program that anybody copies is one that
// compiles.
func TestReadmeProgram(t *testing.T) {
	_, rest, _ := strings.Cut(readFile(t, "README.md"), "```go\n")
	block, _, ok := strings.Cut(rest, "```")
	_, source, _ := strings.Cut(readFile(t, "examples/hello/main.go"), "package main\n")
	if !ok || block != "package main\n"+source {
		t.Error("the first block of README.md is not examples/hello/main.go: copy it there, or here")
	}
	if lines := strings.Count(block, "\n"); lines > 25 {
		t.Errorf("the first program has %d lines", lines)
	}
}

// TestReadmeCommands: what the README types and reads back is what the test of
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
