package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestRecordedCases checks every case against its expected outcome.
func TestRecordedCases(t *testing.T) {
	var file struct {
		Tables map[string][]string
		Count  int
	}
	testkit.ReadJSON(t, "api-behaviour.json", &file)
	replaced := readInstead(t)
	s := summary{}
	b := &bench{tables: file.Tables, ways: ways(t), sent: map[string]int{}}
	vectors := testkit.Vectors[behavior](t, "api-behaviour.json")
	for _, v := range vectors {
		i := replaced[v.ID]
		delete(replaced, v.ID)
		whole := v.Excepts("")
		want, changed, err := i.over(v.Case.Expected)
		if err == nil {
			err = i.covered(v, changed)
		}
		if err == nil {
			err = b.check(&v.Case, want)
		}
		if err != nil {
			t.Errorf("%s: %v", v.ID, err)
		}
		switch core := v.Case.Portability == "core"; {
		case i == nil && whole != nil:
			v.Settle(nil) // it has no counterpart
			s.add(v.Case, notApplicable)
		case i == nil:
			v.Settle(nil)
			s.add(v.Case, asRecorded)
		case core && whole == nil:
			v.Settle(nil)
			s.add(v.Case, inPart)
		case core:
			v.Settle(errors.New("otherwise, or over would have refused it"))
			s.add(v.Case, otherwise)
		default:
			v.Settle(nil)
			s.add(v.Case, otherwise)
		}
	}
	for id := range replaced {
		t.Errorf("testdata/instead.json has %s, which is no case", id)
	}
	t.Logf("sent %v", b.sent)
	s.log(t)
	if n := len(vectors); n != file.Count || s.total("~ all") != n {
		t.Errorf("%d cases, %d in the summary, and the file counts %d", n, s.total("~ all"), file.Count)
	}
}

func readInstead(t *testing.T) map[string]*instead {
	var list []json.RawMessage
	testkit.ReadJSON(t, "instead.json", &list)
	byID := map[string]*instead{}
	for _, text := range list {
		i := new(instead)
		if err := strict(text, i); err != nil || len(i.Expected) == 0 || byID[i.ID] != nil {
			t.Errorf("testdata/instead.json: %s: %v", i.ID, err)
		}
		byID[i.ID] = i
	}
	return byID
}

// covered returns an error unless every changed part has a reason: for a core case a
// decision in the deviations, for others one here.
func (i *instead) covered(v testkit.Vector[behavior], changed []string) error {
	core := v.Case.Portability == "core"
	whole := v.Excepts("")
	switch {
	case i == nil && whole != nil && v.Case.Kind != "preset-body":
		return errors.New("a deviation, and nothing in testdata/instead.json")
	case i == nil:
		return nil
	case core && (i.Why != "" || i.Decision != 0):
		return errors.New("the reason for a core case is in the deviations")
	case !core && i.Why == "":
		return errors.New("testdata/instead.json has no reason")
	case v.Case.Portability == "decide" && i.Decision == 0:
		return errors.New("testdata/instead.json has no decision")
	case !core:
		return nil
	}
	for _, part := range changed {
		d := whole
		if d == nil {
			d = v.Excepts(part)
		}
		if (d == nil || d.Decision == 0) && !follows(part, changed) {
			return fmt.Errorf("no decision for another %s", part)
		}
	}
	return nil
}

// follows reports whether a part needs no decision of its own: the length and the ETag
// belong to the body, and nosniff to every Content-Type of ours.
func follows(part string, changed []string) bool {
	switch part {
	case "headers.content-length", "headers.etag":
		return slices.Contains(changed, "body")
	}
	return part == "headers.x-content-type-options"
}

// A bench plays cases.
type bench struct {
	tables map[string][]string
	ways   []way
	sent   map[string]int // requests by way
}

// check plays a case and returns how its outcome differs from want.
func (b *bench) check(c *behavior, want json.RawMessage) error {
	if f := functions[c.Kind]; f != nil {
		var values map[string]any
		if err := json.Unmarshal(want, &values); err != nil {
			return err
		}
		got, err := f(c.Input)
		if err != nil {
			return err
		}
		return compareValues(values, got).err()
	}
	var exp expected
	if err := strict(want, &exp); err != nil {
		return err
	}
	switch c.Kind {
	case "http":
		return b.play(c, func(got *answer) error { return c.compare(exp, got).err() })
	case "preset-body":
		sent, err := c.preset()
		if err != nil {
			return err
		}
		// Only their status and body were recorded.
		return b.play(sent, func(got *answer) error {
			var d differences
			if got.status != exp.Status {
				d.add("status", "%d, want %d", got.status, exp.Status)
			}
			compareBody(&d, exp, got)
			return d.err()
		})
	}
	return fmt.Errorf("unknown kind %q", c.Kind)
}

// play sends every variant of the case in every way.
func (b *bench) play(c *behavior, compare func(*answer) error) error {
	for _, o := range c.Handler {
		if err := o.check(); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(c.Handler, op.refused) {
		return compare(&answer{refused: true})
	}
	for _, which := range c.variants() {
		f, err := newFixture(c, b.tables, which)
		if err != nil {
			return err
		}
		for _, w := range b.ways {
			if serverDecides[c.ID] && w.name != "http1" {
				continue
			}
			got, carried, err := f.play(w)
			if err == nil && carried {
				b.sent[w.name]++
				err = compare(got)
			}
			if err != nil {
				return fmt.Errorf("over %s, %+v: %w", w.name, which, err)
			}
		}
	}
	return nil
}

// serverDecides are the cases whose outcome depends on net/http, which has one for
// HTTP/1.1, the protocol of the recording, another for HTTP/2, and none in a recorder.
var serverDecides = map[string]bool{
	"send/json-twice":       true, // more bytes than were declared
	"send/write-then-throw": true, // the response is cut before its first byte was sent
}

// The verdicts of the summary.
type verdict int

const (
	asRecorded    verdict = iota
	inPart                // except for parts that a decision describes
	otherwise             // by a decision, which describes the actual outcome
	notApplicable         // with what takes its place
	verdicts
)

// A summary counts the verdicts by group, and in the end by portability. Cases that are
// artifacts of JavaScript or Node are played like the others, with an expected outcome,
// though a port does not copy them.
type summary map[string]*[verdicts]int

func (s summary) add(c behavior, v verdict) {
	for _, row := range []string{c.Group, "~ " + c.Portability, "~ all"} {
		if s[row] == nil {
			s[row] = new([verdicts]int)
		}
		s[row][v]++
	}
}

func (s summary) total(row string) (n int) {
	for _, count := range s[row] {
		n += count
	}
	return n
}

func (s summary) log(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-30s %7s %8s %10s %15s %6s", "", "passed", "in part", "otherwise", "not applicable", "total")
	for _, row := range slices.Sorted(maps.Keys(s)) { // the groups first
		v := s[row]
		fmt.Fprintf(&b, "\n%-30s %7d %8d %10d %15d %6d", strings.TrimPrefix(row, "~ "),
			v[asRecorded], v[inPart], v[otherwise], v[notApplicable], s.total(row))
	}
	t.Log(b.String())
}
