package cookies_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// load reads a file of recorded facts from testdata.
func load(t *testing.T, name string, into any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// deviations are the cases of one file where this package decides otherwise.
type deviations struct {
	t       *testing.T
	file    string
	entries []deviation
	known   map[string]bool
	used    map[string]bool
}

type deviation struct {
	ID, Why, Kind string
	Fields        []string
}

func loadDeviations(t *testing.T, file string) *deviations {
	t.Helper()
	var all map[string][]deviation
	load(t, "deviations.json", &all)
	return &deviations{t: t, file: file, entries: all[file], known: map[string]bool{}, used: map[string]bool{}}
}

// know records that the file has a case with the id.
func (d *deviations) know(id string) { d.known[id] = true }

// has reports whether the field of the case is excepted; the field "" stands
// for the whole case.
func (d *deviations) has(id, field string) bool {
	for _, e := range d.entries {
		if e.ID == id && (field == "" && e.Fields == nil || slices.Contains(e.Fields, field)) {
			d.used[id] = true
			return true
		}
	}
	return false
}

// finish fails the test for exceptions of cases that do not exist or that no
// test asked about.
func (d *deviations) finish() {
	d.t.Helper()
	for _, e := range d.entries {
		if !d.known[e.ID] {
			d.t.Errorf("deviations.json excepts %s, which %s does not have", e.ID, d.file)
		} else if !d.used[e.ID] {
			d.t.Errorf("deviations.json excepts %s, but the case was compared in full", e.ID)
		}
	}
}
