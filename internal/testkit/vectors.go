package testkit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
)

// A vector file holds the recorded behavior of other software, as a list of cases under
// "cases" or "vectors", each with a unique "id" or "name". Where a package differs on
// purpose, testdata/deviations.json says so: for each file a list of deviations, each
// of one whole case or of some of its expected fields.
//
// Every case of a file must get a verdict, so that no case is silently skipped. A
// deviation that no case needs is an error: it would hide a later difference.

// A Vector is one case of a file, and takes its verdict.
type Vector[C any] struct {
	Case C
	*Verdict
}

// A Deviation says where and why a package differs from a case on purpose. No Fields
// means all.
type Deviation struct {
	ID       string
	Decision int // in docs/decisions.md, 0 without a counterpart in the API
	Why      string
	Kind     string // contradicts, no-counterpart, layer
	Fields   []string
	Column   string // in files with several columns, the one it applies to

	used bool
}

// A Verdict is the outcome of a case.
type Verdict struct {
	ID string

	t          testing.TB
	deviations []*Deviation
	outcome    string
}

// The outcomes, in the order of the log. Any other is the reason why a case was
// skipped.
const (
	passed   = "passed"
	inPart   = "in part"
	excepted = "excepted"
)

// Vectors reads the cases of a file in testdata, and their deviations: of those for one
// column, only if columns names it. At the end of the test it logs the counts, and
// fails for duplicate ids, deviations without a case, cases without a verdict, and
// unused deviations.
func Vectors[C any](t testing.TB, file string, columns ...string) (vectors []Vector[C]) {
	t.Helper()
	var all struct{ Cases, Vectors []json.RawMessage }
	ReadJSON(t, file, &all)
	deviations := readDeviations(t, file)
	verdicts := map[string]*Verdict{}
	for _, text := range append(all.Cases, all.Vectors...) {
		var name struct{ ID, Name string }
		v := Vector[C]{Verdict: &Verdict{t: t}}
		if err := errors.Join(json.Unmarshal(text, &name), json.Unmarshal(text, &v.Case)); err != nil {
			t.Fatalf("%s: %s: %v", file, cmp.Or(name.ID, name.Name), err)
		}
		v.ID = cmp.Or(name.ID, name.Name)
		if v.ID == "" || verdicts[v.ID] != nil {
			t.Errorf("%s: %q is not the id of one case", file, v.ID)
		}
		for _, d := range deviations[v.ID] {
			if d.Column == "" || slices.Contains(columns, d.Column) {
				v.deviations = append(v.deviations, d)
			}
		}
		delete(deviations, v.ID)
		verdicts[v.ID] = v.Verdict
		vectors = append(vectors, v)
	}
	if len(vectors) == 0 {
		t.Errorf("%s: no cases", file)
	}
	for id := range deviations {
		t.Errorf("%s: a deviation of %s, which is no case", file, id)
	}
	t.Cleanup(func() { finish(t, file, verdicts) })
	return vectors
}

func readDeviations(t testing.TB, file string) map[string][]*Deviation {
	t.Helper()
	var all map[string][]*Deviation
	ReadJSON(t, "deviations.json", &all)
	if _, ok := all[file]; !ok {
		t.Errorf("deviations.json has no entry for %s", file)
	}
	byID := map[string][]*Deviation{}
	for _, d := range all[file] {
		byID[d.ID] = append(byID[d.ID], d)
	}
	return byID
}

// ReadJSON reads a file in testdata.
func ReadJSON(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// Excepts returns the deviation for an expected field, nil if the field must match. The
// field "" is the whole case.
func (v *Verdict) Excepts(field string) *Deviation {
	for _, d := range v.deviations {
		if field == "" && len(d.Fields) == 0 || slices.Contains(d.Fields, field) {
			d.used = true
			return d
		}
	}
	return nil
}

// Settle takes how the outcome differs from the recorded one in what no deviation
// excepts, or nil. If a deviation excepts the whole case there must be a difference,
// unless the case has no counterpart, and so perhaps nothing to compare.
func (v *Verdict) Settle(differs error) {
	v.t.Helper()
	d := v.Excepts("")
	switch {
	case d != nil && d.Kind == "contradicts" && differs == nil:
		v.t.Errorf("%s comes out as recorded: take the deviation %q out", v.ID, d.Why)
	case d == nil && differs != nil:
		v.t.Errorf("%s: %v", v.ID, differs)
	}
	v.settle()
}

// Run settles the case with a subtest, in which the excepted fields are replaced by the
// actual values.
func (v *Verdict) Run(t *testing.T, test func(*testing.T)) {
	t.Helper()
	t.Run(v.ID, test)
	v.settle()
}

// Leave settles a case without comparing it, for a reason to be counted.
func (v *Verdict) Leave(why string) { v.outcome = why }

func (v *Verdict) settle() {
	v.outcome = passed
	for _, d := range v.deviations {
		if d.used {
			v.outcome = inPart
		}
	}
	if slices.ContainsFunc(v.deviations, func(d *Deviation) bool { return d.used && len(d.Fields) == 0 }) {
		v.outcome = excepted
	}
}

func finish(t testing.TB, file string, verdicts map[string]*Verdict) {
	failed := t.Failed() // and may not have reached all of them
	counts := map[string]int{passed: 0, inPart: 0, excepted: 0}
	for id, v := range verdicts {
		counts[v.outcome]++
		for _, d := range v.deviations {
			if !d.used && v.outcome != "" && !failed {
				t.Errorf("%s: %s needs no deviation in %q: %s", file, id, d.Fields, d.Why)
			}
		}
	}
	if n := counts[""]; n > 0 && !failed {
		t.Errorf("%s: %d cases without a verdict", file, n)
	}
	line := fmt.Sprintf("%d passed, %d in part, %d excepted", counts[passed], counts[inPart], counts[excepted])
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		if !slices.Contains([]string{passed, inPart, excepted, ""}, why) {
			line += fmt.Sprintf(", %d %s", counts[why], why)
		}
	}
	t.Logf("%s: %s, of %d", file, line, len(verdicts))
}
