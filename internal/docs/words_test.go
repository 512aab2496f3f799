package docs_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// words are those that comments and pages do without, each with what to write
// instead. One term for a thing, in the words of net/http and the RFCs, is what
// readers can search for.
var words = []struct {
	avoid   *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(no|some|any|every)body\b`), "say who: no client, a caller, every subscriber"},
	{regexp.MustCompile(`(?i)\bwhoever\b`), "say who: the caller that, a client that"},
	{regexp.MustCompile(`(?i)\banew\b`), "again"},
	{regexp.MustCompile(`(?i)\balso if\b`), "even if"},
	{regexp.MustCompile(`(?i)\bbehind the response\b`), "after the response"},
	{regexp.MustCompile(`\bNext's\b`), "Next.js's"},
	{regexp.MustCompile(`(?i)\b(behaviour|cancelled|honour|colour|normalis|recognis|serialis)`), "the American spelling, as in net/http"},
}

// named are code and files, which are called what they are called.
var named = regexp.MustCompile("`[^`]*`" + `|[\w/-]+\.json\b`)

// badWords returns what is wrong with a text, which begins at a line.
func badWords(text string, line int) (found []string) {
	for i, l := range strings.Split(text, "\n") {
		l = named.ReplaceAllString(l, "")
		for _, w := range words {
			for _, bad := range w.avoid.FindAllString(l, -1) {
				found = append(found, fmt.Sprintf("%d: %q: write %s", line+i, bad, w.instead))
			}
		}
	}
	return found
}

// badComments returns what is wrong with the comments of a Go file.
func badComments(source []byte) (found []string) {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return found
		}
		if tok == token.COMMENT {
			found = append(found, badWords(text, file.Line(pos))...)
		}
	}
}

// TestWords reads all comments and pages of the repository, except recorded facts and
// what the past has said.
func TestWords(t *testing.T) {
	read := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); n == "testdata" || n == "node_modules" || n == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		var check func([]byte) []string
		switch {
		case filepath.Ext(name) == ".go" && d.Name() != "words_test.go":
			check = badComments
		case strings.HasSuffix(name, "bench/results.md"): // made of the comments of bench, when it was measured last
			return nil
		case filepath.Ext(name) == ".md" && d.Name() != "CHANGELOG.md":
			check = func(text []byte) []string { return badWords(string(text), 1) }
		default:
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		read++
		for _, bad := range check(text) {
			t.Errorf("%s:%s", name, bad)
		}
		return nil
	})
	if err != nil || read < 500 {
		t.Errorf("read %d files, %v", read, err)
	}
}

// TestWordsCanFail: comments are read, and nothing else of a program.
func TestWordsCanFail(t *testing.T) {
	source := "package p\n\n// Whoever calls it is answered anew,\n// also if nobody listens.\nvar nobody = `somebody` // cancelled\n"
	got := badComments([]byte(source))
	want := []string{`3: "Whoever"`, `3: "anew"`, `4: "nobody"`, `4: "also if"`, `5: "cancelled"`}
	if len(got) != len(want) {
		t.Fatalf("found %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("found %s, want %s", got[i], want[i])
		}
	}
}
