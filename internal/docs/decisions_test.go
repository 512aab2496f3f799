package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	decisionHeading = regexp.MustCompile(`^### ([AU]?[0-9]+)\. `)
	testFunction    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	cited           = regexp.MustCompile(`"(?:decision|rule)": *"?([AU]?[0-9]+)"?`)
	mentioned       = regexp.MustCompile(`\b[Dd]ecisions? ([AU]?[0-9]+)\b`)
)

// TestDecisions: every decision names tests that exist, and every number that the data
// and the code cite is that of a decision.
func TestDecisions(t *testing.T) {
	const page = "docs/decisions.md"
	decided := map[string]bool{}
	tests := map[string]map[string]bool{}
	open := "" // the decision whose tests are not named yet
	named := 0
	for i, line := range strings.Split(readFile(t, page), "\n") {
		if m := decisionHeading.FindStringSubmatch(line); m != nil {
			if decided[m[1]] {
				t.Errorf("%s:%d: a second %s", page, i+1, m[1])
			}
			if open != "" {
				t.Errorf("%s: %s names no tests", page, open)
			}
			decided[m[1]] = true
			open = m[1]
		}
		list, ok := strings.CutPrefix(line, "Tests: ")
		if !ok {
			continue
		}
		open = ""
		for _, span := range codeSpan.FindAllString(list, -1) {
			dir, names, _ := strings.Cut(strings.Trim(span, "`"), ": ")
			if tests[dir] == nil {
				tests[dir] = testsOf(t, dir)
			}
			for _, name := range strings.Split(names, ", ") {
				named++
				if !tests[dir][name] {
					t.Errorf("%s:%d: %s has no test %q", page, i+1, dir, name)
				}
			}
		}
	}
	if open != "" {
		t.Errorf("%s: %s names no tests", page, open)
	}
	citations := citedDecisions(t)
	for number, where := range citations {
		if number != "0" && !decided[number] {
			t.Errorf("%s: %s has no decision %s", where, page, number)
		}
	}
	if len(decided) != 13+20+11 || named < 100 || len(citations) < 20 {
		t.Errorf("%d decisions with %d tests, %d numbers cited: is this still how they are written?", len(decided), named, len(citations))
	}
}

// testsOf returns the tests and fuzz targets of the package in dir.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range filesAt(t, dir+"/*_test.go") {
		for _, m := range testFunction.FindAllStringSubmatch(readFile(t, file), -1) {
			names[m[1]] = true
		}
	}
	return names
}

// citedDecisions returns the numbers that the data of the tests and the Go code cite,
// each with one file that cites it.
func citedDecisions(t *testing.T) map[string]string {
	t.Helper()
	numbers := map[string]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := d.Name(); d.IsDir() && (base == "node_modules" || strings.HasPrefix(base, ".") && file != root) {
			return filepath.SkipDir
		}
		in := mentioned
		switch base := path.Base(filepath.ToSlash(file)); {
		case base == "deviations.json" || base == "instead.json":
			in = cited
		case path.Ext(base) != ".go":
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range in.FindAllSubmatch(text, -1) {
			numbers[string(m[1])] = file
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return numbers
}
