package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeShowsResult compares the page with the result: the table is the one of the
// run, and each test that does not pass is explained: by its name if it is required, else
// by its name or a prefix of it.
func TestReadmeShowsResult(t *testing.T) {
	data, err := os.ReadFile("results.json")
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if r.Suite != commit {
		t.Errorf("the result is of the suite at %s, the command runs %s", r.Suite, commit)
	}
	if !strings.Contains(string(page), tableBegins+r.table()+tableEnds) {
		t.Error("the table of README.md is not that of results.json: run make cache-tests")
	}
	if n := len(r.of("required", "fail")); n > requiredFailures {
		t.Errorf("%d required tests fail, at most %d may", n, requiredFailures)
	}
	explains := regexp.MustCompile("`([a-z0-9A-Z-]+\\*?)`").FindAllStringSubmatch(string(page), -1)
	for id, test := range r.Tests {
		explained := slices.ContainsFunc(explains, func(found []string) bool {
			family, all := strings.CutSuffix(found[1], "*")
			return found[1] == id || all && test.Kind == "optimal" && strings.HasPrefix(id, family)
		})
		switch {
		case test.Kind != "check" && test.Result != "pass" && !explained:
			t.Errorf("README.md does not explain why %s is %q: %s", id, test.Result, test.Message)
		case test.Kind == "required" && test.Result == "pass" && explained:
			t.Errorf("README.md explains %s, which passes", id)
		}
	}
}

// requiredFailures is how many required tests may fail.
const requiredFailures = 3

func TestDescribeReplacesTable(t *testing.T) {
	r := result{Counts: counts{"required": {"pass": 7, "fail": 2, "setup_fail": 1}, "optimal": {"pass": 3, "optional_fail": 4}}}
	table := r.table()
	if !strings.Contains(table, "| apiece | 7 | 2 | 3 | 4 | 1 |\n") {
		t.Errorf("the table is\n%s", table)
	}
	for _, test := range []struct{ name, before, after string }{
		{"a page", "before\n" + tableBegins + "old\n" + tableEnds + "after\n", "before\n" + tableBegins + table + tableEnds + "after\n"},
		{"no place", "before\nafter\n", ""},
		{"no end", "before\n" + tableBegins, ""},
	} {
		file := filepath.Join(t.TempDir(), "README.md")
		if err := os.WriteFile(file, []byte(test.before), 0o644); err != nil {
			t.Fatal(err)
		}
		err := r.describe(file)
		after, _ := os.ReadFile(file)
		switch {
		case test.after == "" && (err == nil || string(after) != test.before):
			t.Errorf("%s: %v, and the page is\n%s", test.name, err, after)
		case test.after != "" && (err != nil || string(after) != test.after):
			t.Errorf("%s: %v, and the page is\n%s", test.name, err, after)
		}
	}
}

func TestShortfallsAreListed(t *testing.T) {
	r := result{Tests: map[string]test{
		"b": {"required", "fail", "of b"}, "a": {"required", "fail", "of a"}, "c": {"required", "pass", ""},
		"d": {"optimal", "optional_fail", "of d"}, "e": {"check", "no", "of e"},
	}}
	const want = "required fail a: of a\nrequired fail b: of b\noptimal optional_fail d: of d\n"
	if got := r.shortfalls(); got != want {
		t.Errorf("got\n%s", got)
	}
}
