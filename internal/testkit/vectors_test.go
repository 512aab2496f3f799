package testkit_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// A probe is a test that records its failures.
type probe struct {
	testing.TB
	errors, logs []string
	cleanup      func()
}

func (p *probe) Helper()          {}
func (p *probe) Failed() bool     { return len(p.errors) > 0 }
func (p *probe) Cleanup(f func()) { p.cleanup = f }
func (p *probe) Errorf(format string, args ...any) {
	p.errors = append(p.errors, fmt.Sprintf(format, args...))
}
func (p *probe) Logf(format string, args ...any) {
	p.logs = append(p.logs, fmt.Sprintf(format, args...))
}

type fatal string

func (p *probe) Fatalf(format string, args ...any) { panic(fatal(fmt.Sprintf(format, args...))) }

func TestVectors(t *testing.T) {
	differs := errors.New("differs")
	type vector = testkit.Vector[struct{ Want int }]
	settle := func(err error) func(vector) { return func(v vector) { v.Settle(err) } }
	const one = `{"cases":[{"id":"a","want":1}]}`
	const two = `{"vectors":[{"name":"a","want":1},{"name":"b"}]}`
	none, whole, part := `[]`, `[{"id":"a","kind":"contradicts","why":"so"}]`, `[{"id":"a","fields":["f"],"kind":"contradicts"}]`
	other := `[{"id":"a","kind":"contradicts","column":"y"}]`

	for _, test := range []struct {
		why              string
		file, deviations string
		verdict          func(vector)
		fails, logs      string
	}{
		{"as recorded", one, none, settle(nil), "", "1 passed, 0 in part, 0 excepted, of 1"},
		{"names in place of ids", two, none, settle(nil), "", "2 passed, 0 in part, 0 excepted, of 2"},
		{"a difference", one, none, settle(differs), "a: differs", ""},
		{"a difference that is excepted", one, whole, settle(differs), "", "0 passed, 0 in part, 1 excepted, of 1"},
		{"no difference where one is excepted", one, whole, settle(nil), `a comes out as recorded: take the deviation "so" out`, ""},
		{"what has no counterpart need not differ", one, `[{"id":"a","kind":"no-counterpart"}]`, settle(nil), "", "1 excepted"},
		{"an excepted field that was asked for", one, part, func(v vector) { v.Excepts("f"); v.Settle(nil) }, "", "0 passed, 1 in part"},
		{"an excepted field that is not compared", one, part, settle(nil), `needs no deviation in ["f"]`, ""},
		{"another field than the excepted one", one, part, func(v vector) {
			if v.Excepts("f") == nil || v.Excepts("g") != nil || v.Excepts("") != nil {
				v.Settle(differs)
			}
			v.Settle(nil)
		}, "", "1 in part"},
		{"a deviation for another column", one, other, settle(differs), "a: differs", ""},
		{"a deviation for this column", one, strings.Replace(other, "y", "x", 1), settle(differs), "", "1 excepted"},
		{"a deviation of no case, for another column", one, `[{"id":"c","column":"y"}]`, settle(nil), "a deviation of c, which is no case", ""},
		{"a deviation of no case", one, `[{"id":"c"}]`, settle(nil), "a deviation of c, which is no case", ""},
		{"an id that occurs twice", `{"cases":[{"id":"a"},{"id":"a"}]}`, none, settle(nil), `"a" is not the id of one case`, ""},
		{"a case without an id", `{"cases":[{}]}`, none, settle(nil), `"" is not the id of one case`, ""},
		{"no cases", `{}`, none, settle(nil), "no cases", ""},
		{"cases without a verdict", two, none, func(v vector) {
			if v.ID == "a" {
				v.Settle(nil)
			}
		}, "1 cases without a verdict", ""},
		{"a case that is left", two, none, func(v vector) {
			if v.Case.Want == 1 {
				v.Settle(nil)
			} else {
				v.Leave("not core")
			}
		}, "", "1 passed, 0 in part, 0 excepted, 1 not core, of 2"},
		{"a case that is not what the test reads", `{"cases":[{"id":"a","want":"1"}]}`, none, settle(nil), "cannot unmarshal", ""},
		{"a file that the deviations do not name", one, "", settle(nil), "no entry for file.json", ""},
	} {
		t.Run(test.why, func(t *testing.T) {
			t.Chdir(t.TempDir())
			deviations := `{"file.json":` + test.deviations + `}`
			if test.deviations == "" {
				deviations = "{}"
			}
			err := errors.Join(os.Mkdir("testdata", 0o777),
				os.WriteFile("testdata/file.json", []byte(test.file), 0o666),
				os.WriteFile("testdata/deviations.json", []byte(deviations), 0o666))
			if err != nil {
				t.Fatal(err)
			}
			p := &probe{TB: t}
			func() {
				defer func() {
					if text, ok := recover().(fatal); ok {
						p.errors = append(p.errors, string(text))
					}
				}()
				for _, v := range testkit.Vectors[struct{ Want int }](p, "file.json", "x") {
					test.verdict(v)
				}
				p.cleanup()
			}()
			contains := func(text string) func(string) bool {
				return func(line string) bool { return strings.Contains(line, text) }
			}
			if test.fails == "" && len(p.errors) > 0 || test.fails != "" && !slices.ContainsFunc(p.errors, contains(test.fails)) {
				t.Errorf("fails with %q, want %q", p.errors, test.fails)
			}
			if test.logs != "" && !slices.ContainsFunc(p.logs, contains(test.logs)) {
				t.Errorf("logs %q, want %q", p.logs, test.logs)
			}
		})
	}
}
