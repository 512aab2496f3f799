package docs_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// exportedFunc is a line of the recorded API: a function that is not a method.
var exportedFunc = regexp.MustCompile(`^func ([A-Z]\w*)[[(]`)

// TestExamples: pkg.go.dev shows a whole runnable program for each package (a file with
// one example and what it needs), and every exported function is called in an example.
// Packages of tests for other packages are called in the tests of those, with a
// testing.T, which no example has.
func TestExamples(t *testing.T) {
	for _, api := range filesAt(t, "internal/policy/testdata/api/*.txt") {
		dir := strings.ReplaceAll(strings.TrimSuffix(path.Base(api), ".txt"), "_", "/")
		if strings.HasSuffix(dir, "test") {
			continue
		}
		whole := false
		var shown strings.Builder
		for _, name := range filesAt(t, dir+"/*_test.go") {
			source := readFile(t, name)
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, source, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range doc.Examples(file) {
				if _, is := e.Code.(*ast.File); is {
					whole = whole || e.Output != "" || e.EmptyOutput
					shown.WriteString(source)
					continue
				}
				shown.WriteString(source[set.Position(e.Code.Pos()).Offset:set.Position(e.Code.End()).Offset])
			}
		}
		if !whole {
			t.Errorf("%s has no whole program: write a file with one example, its Output and a declaration beside it", dir)
		}
		for line := range strings.Lines(readFile(t, api)) {
			if m := exportedFunc.FindStringSubmatch(line); m != nil {
				if call := path.Base(dir) + "." + m[1]; !regexp.MustCompile(`\b` + regexp.QuoteMeta(call) + `\b`).MatchString(shown.String()) {
					t.Errorf("%s: no example has %s", dir, call)
				}
			}
		}
	}
}
