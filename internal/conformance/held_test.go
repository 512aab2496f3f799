package conformance_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// TestRecordedCasesCanFail changes the expected outcome of every case, one part at a
// time, and sends it: none of them may still pass.
func TestRecordedCasesCanFail(t *testing.T) {
	var file struct {
		Tables map[string][]string
		Cases  []behavior
	}
	testkit.ReadJSON(t, "api-behaviour.json", &file)
	replaced := readInstead(t)
	wire := ways(t)[0]
	changes := map[string]func(*expected) bool{
		"status":      func(w *expected) bool { w.Status++; return true },
		"route":       func(w *expected) bool { w.Route += "/"; return true },
		"warnings":    func(w *expected) bool { w.Warnings = append(w.Warnings, ""); return true },
		"errorLogged": func(w *expected) bool { w.ErrorLogged = !w.ErrorLogged; return true },
		"body": func(w *expected) bool {
			if w.Body == nil {
				return false
			}
			w.Body = ptr(*w.Body + "!")
			return true
		},
		"bodySha256": func(w *expected) bool {
			w.BodyLength++
			return w.BodySHA256 != ""
		},
		"bodyJson": func(w *expected) bool {
			held := w.BodyJSON != nil
			w.BodyJSON = json.RawMessage(`"!"`)
			return held
		},
		"location": func(w *expected) bool {
			w.Headers = maps.Clone(w.Headers)
			held := w.Headers["location"] != ""
			if held {
				w.Headers["location"] += "!"
			}
			return held
		},
		"setCookie": func(w *expected) bool { w.SetCookie = append(w.SetCookie, "!=!"); return true },
	}
	held := map[string]int{}
	for i := range file.Cases {
		c := &file.Cases[i]
		text, _, err := replaced[c.ID].over(c.Expected)
		var want expected
		if c.Kind != "http" || slices.ContainsFunc(c.Handler, op.refused) {
			continue
		}
		if err == nil {
			err = strict(text, &want)
		}
		f, fixtureErr := newFixture(c, file.Tables, variant{})
		if err != nil || fixtureErr != nil {
			t.Fatal(c.ID, err, fixtureErr)
		}
		got, _, err := f.play(wire)
		if err != nil {
			t.Fatal(c.ID, err)
		}
		for part, change := range changes {
			other := want
			if !change(&other) || want.FrameworkErrorPage && !slices.Contains([]string{"status", "warnings", "errorLogged", "route"}, part) ||
				part == "route" && c.routeUnknown() {
				continue
			}
			held[part]++
			if c.compare(other, got).err() == nil {
				t.Errorf("%s: another %s passes", c.ID, part)
			}
		}
	}
	t.Logf("changes that were found: %v", held)
}

// TestCaseFilesRejectUnknownNames: the tests reject everything they do not know.
func TestCaseFilesRejectUnknownNames(t *testing.T) {
	run := func(text string) error {
		var c behavior
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return err
		}
		b := &bench{tables: map[string][]string{"main": {"/"}}, ways: ways(t), sent: map[string]int{}}
		return b.check(&c, c.Expected)
	}
	const handled = `{"kind":"http","mode":"production","request":{"method":"GET","path":"/"},"handler":[%],"expected":{"status":500,"route":"/","errorLogged":true}}`
	const configured = `{"kind":"http","mode":"production","request":{"method":"GET","path":"/"},"config":{%},"expected":{"status":200}}`
	for why, text := range map[string]string{
		"kind":                     `{"kind":"call","expected":{}}`,
		"field":                    `{"kind":"http","also":1}`,
		"field of a request":       `{"kind":"http","request":{"also":1}}`,
		"field of an expectation":  `{"kind":"http","expected":{"also":1}}`,
		"field of an input":        `{"kind":"bytes-format","input":{"also":1},"expected":{}}`,
		"mode":                     strings.Replace(strings.Replace(handled, "production", "test", 1), "%", "", 1),
		"table":                    strings.Replace(strings.Replace(handled, `"mode"`, `"routeTable":"x","mode"`, 1), "%", "", 1),
		"config":                   strings.Replace(configured, "%", `"api":{"also":1}`, 1),
		"config of the framework":  strings.Replace(configured, "%", `"also":1`, 1),
		"return value":             strings.Replace(configured, "%", `"returns":"null"`, 1),
		"operation":                strings.Replace(handled, "%", `{"op":"also"}`, 1),
		"argument":                 strings.Replace(handled, "%", `{"op":"end","also":1}`, 1),
		"type of an argument":      strings.Replace(handled, "%", `{"op":"end","text":1}`, 1),
		"kind of error":            strings.Replace(handled, "%", `{"op":"throw","kind":"also"}`, 1),
		"type of what is sent":     strings.Replace(handled, "%", `{"op":"send","type":"also"}`, 1),
		"property of a request":    strings.Replace(handled, "%", `{"op":"echo","pick":["also"]}`, 1),
		"option of a draft cookie": strings.Replace(handled, "%", `{"op":"setPreviewData","options":{"also":1}}`, 1),
	} {
		err := run(text)
		if err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("unknown %s: %v", why, err)
		}
	}
	if err := run(strings.Replace(handled, "%", `{"op":"throw","message":"x"}`, 1)); err == nil || strings.Contains(err.Error(), "unknown") {
		t.Errorf("a handler that is known: %v", err)
	}
}

// TestInsteadFileChangesExpectations: a replacement must change the expectation.
func TestInsteadFileChangesExpectations(t *testing.T) {
	recorded := json.RawMessage(`{"status":200,"headers":{"a":"1"},"absentHeaders":["b"],"body":"x","bodyJson":{},"warnings":["w"]}`)
	for _, tt := range []struct {
		why, patch string
		want       string
		fields     []string
	}{
		{"a part", `{"status":500}`, `{"status":500,"headers":{"a":"1"},"absentHeaders":["b"],"body":"x","bodyJson":{},"warnings":["w"]}`, []string{"status"}},
		{"the same part", `{"status":200}`, "", nil},
		{"the same list", `{"warnings":["w"]}`, "", nil},
		{"a body, in all its forms", `{"body":"y"}`, `{"status":200,"headers":{"a":"1"},"absentHeaders":["b"],"body":"y","warnings":["w"]}`, []string{"body"}},
		{"a header", `{"headers":{"a":"2"}}`, `{"status":200,"headers":{"a":"2"},"absentHeaders":["b"],"body":"x","bodyJson":{},"warnings":["w"]}`, []string{"headers.a"}},
		{"the same header", `{"headers":{"a":"1"}}`, "", nil},
		{"no header", `{"headers":{"a":null}}`, `{"status":200,"headers":{},"absentHeaders":["b","a"],"body":"x","bodyJson":{},"warnings":["w"]}`, []string{"headers.a"}},
		{"a header that was absent", `{"headers":{"b":"1"}}`, `{"status":200,"headers":{"a":"1","b":"1"},"absentHeaders":[],"body":"x","bodyJson":{},"warnings":["w"]}`, []string{"absentHeaders.b"}},
		{"none that was none", `{"headers":{"c":null}}`, "", nil},
	} {
		i := new(instead)
		if err := json.Unmarshal([]byte(tt.patch), &i.Expected); err != nil {
			t.Fatal(err)
		}
		got, fields, err := i.over(recorded)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: %s, want an error", tt.why, got)
			}
			continue
		}
		if err != nil || !sameJSON(got, []byte(tt.want)) || !slices.Equal(fields, tt.fields) {
			t.Errorf("%s: %s %q, %v", tt.why, got, fields, err)
		}
	}
}
