package apiece_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeProgram: the first program that anybody copies is one that
// compiles.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/hello/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n")
	block, _, ok := strings.Cut(rest, "```")
	_, source, _ := strings.Cut(string(program), "package main\n")
	if !ok || block != "package main\n"+source {
		t.Error("the first block of README.md is not examples/hello/main.go: copy it there, or here")
	}
	if lines := strings.Count(block, "\n"); lines > 27 {
		t.Errorf("the first program has %d lines", lines)
	}
}
