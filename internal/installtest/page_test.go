package installtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A step is an instruction of a page: save a program, or type a command and compare its
// output.
type step struct {
	program string
	command string
	output  string
}

var (
	block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	span  = regexp.MustCompile("`([^`\n]+)`")
)

// pagePart returns the part of a page of the root from one text to another.
func pagePart(t *testing.T, name, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), from)
	part, _, ends := strings.Cut(after, to)
	if !found || !ends {
		t.Fatalf("%s has no part from %q to %q", name, from, to)
	}
	return from + part
}

// steps returns the blocks of code in a part of a page. If lines of a console begin
// with a prompt, the others are output; otherwise all are typed.
func steps(t *testing.T, part string) (list []step) {
	t.Helper()
	for _, m := range block.FindAllStringSubmatch(part, -1) {
		switch language, text := m[1], m[2]; language {
		case "go":
			list = append(list, step{program: text})
		case "console":
			prompts := strings.HasPrefix(text, "$ ")
			for line := range strings.Lines(text) {
				command, typed := strings.CutPrefix(line, "$ ")
				if typed || !prompts {
					list = append(list, step{command: strings.TrimSuffix(command, "\n")})
				} else {
					list[len(list)-1].output += line
				}
			}
		default:
			t.Fatalf("a block of %q:\n%s", language, text)
		}
	}
	return list
}

// typed returns the commands in a part of a page that begin with a word.
func typed(part, begin string) (commands []string) {
	for _, m := range span.FindAllStringSubmatch(block.ReplaceAllString(part, ""), -1) {
		if strings.HasPrefix(m[1], begin+" ") {
			commands = append(commands, m[1])
		}
	}
	return commands
}
