package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A result is the outcome of one run of the suite, as in results.json.
type result struct {
	Suite     string            `json:"suite"` // its commit
	Counts    counts            `json:"counts"`
	Published map[string]counts `json:"published"` // by cache, from the suite's own pages
	Tests     map[string]test   `json:"tests"`     // by id
}

// counts are numbers of tests, by kind and then by result.
type counts map[string]map[string]int

type test struct {
	Kind    string `json:"kind"`   // required, optimal or check
	Result  string `json:"result"` // the suite's words: pass, fail, optional_fail, yes, no and others
	Message string `json:"message,omitempty"`
}

func (r result) write(file string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// of returns the ids of a kind with a result, in order.
func (r result) of(kind, as string) (ids []string) {
	for id, t := range r.Tests {
		if t.Kind == kind && t.Result == as {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// shortfalls lists the tests that the cache fails, and those that are not judged.
func (r result) shortfalls() string {
	var b strings.Builder
	for _, kind := range []string{"required", "optimal"} {
		for _, as := range []string{"fail", "optional_fail", "setup_fail", "harness_fail", "retry", "untested"} {
			for _, id := range r.of(kind, as) {
				fmt.Fprintf(&b, "%s %s %s: %s\n", kind, as, id, r.Tests[id].Message)
			}
		}
	}
	return b.String()
}

// table is the summary in Markdown: this cache first, then the published results of the
// reverse proxies.
func (r result) table() string {
	var b strings.Builder
	b.WriteString("| cache | required: pass | fail | optimal: pass | fail | not judged |\n|---|---|---|---|---|---|\n")
	row := func(name string, c counts) {
		other := 0
		for _, kind := range []string{"required", "optimal"} {
			for as, n := range c[kind] {
				if as != "pass" && as != "fail" && as != "optional_fail" {
					other += n
				}
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", name,
			c["required"]["pass"], c["required"]["fail"], c["optimal"]["pass"], c["optimal"]["optional_fail"], other)
	}
	row("apiece", r.Counts)
	for _, name := range slices.Sorted(maps.Keys(r.Published)) {
		if !browsers[name] {
			row(name, r.Published[name])
		}
	}
	return b.String()
}

// browsers are the published caches that keep responses for one client.
var browsers = map[string]bool{"chrome": true, "firefox": true, "safari": true}

// The table of README.md is between these lines.
const (
	tableBegins = "<!-- table -->\n"
	tableEnds   = "<!-- end of table -->\n"
)

// describe writes the table into the page.
func (r result) describe(file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(page, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !begins || !ends {
		return fmt.Errorf("%s has no place for the table", file)
	}
	return os.WriteFile(file, slices.Concat(before, []byte(tableBegins+r.table()+tableEnds), after), 0o644)
}
