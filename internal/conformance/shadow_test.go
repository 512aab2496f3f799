package conformance_test

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/shadow"
)

// recorded answers every request as Next.js did, but for what change does.
func (e expected) recorded(change func(*expected)) http.Handler {
	if change != nil {
		change(&e)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range e.Headers {
			if name != "content-length" {
				w.Header().Set(name, value)
			}
		}
		for _, value := range e.SetCookie {
			w.Header().Add("Set-Cookie", value)
		}
		w.WriteHeader(e.Status)
		if e.Body != nil && r.Method != http.MethodHead {
			io.WriteString(w, *e.Body)
		}
	})
}

// TestShadow has what was recorded of Next.js for the old server, and compares the
// kit with it as a service would that is being ported: nothing differs in the cases
// that are as recorded, and what is changed in them is found.
func TestShadow(t *testing.T) {
	var file struct {
		Tables map[string][]string
		Cases  []behaviour
	}
	testkit.ReadJSON(t, "api-behaviour.json", &file)
	replaced := readInstead(t)
	changes := map[string]func(*expected){
		"":       nil,
		"status": func(e *expected) { e.Status++ },
		"body":   func(e *expected) { text := cmp.Or(*e.Body, "x") + "x"; e.Body = &text },
	}
	compared := map[string]int64{}
	all := ways(t)
	recorder := all[slices.IndexFunc(all, func(w way) bool { return w.name == "recorder" })]
	for _, c := range file.Cases {
		var want expected
		if c.Kind != "http" || replaced[c.ID] != nil || strict(c.Expected, &want) != nil {
			continue
		}
		plain := want.Body != nil && want.BodySHA256 == "" && !want.Cut && !want.FrameworkErrorPage && want.Status >= 200 && want.Status != http.StatusNotModified
		if !plain {
			continue
		}
		for name, change := range changes {
			if name == "body" && (c.Request.Method == http.MethodHead || want.Status == http.StatusNoContent) {
				continue
			}
			var got []shadow.Difference
			beside := shadow.New(want.recorded(change), shadow.Config{
				Methods:    []string{c.Request.Method},
				Headers:    []string{"Location"},
				IgnoreJSON: []string{"/error"}, // which JavaScript words in its own way
				MaxBody:    8 << 20,
				Report:     func(d shadow.Difference) { got = append(got, d) },
			})
			c.outside = beside.Middleware
			f, err := newFixture(&c, file.Tables, variant{})
			if err != nil {
				t.Fatal(err)
			}
			if _, carried, err := f.play(recorder); err != nil || !carried {
				continue
			}
			if err := beside.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			n := beside.Stats().Compared
			compared[name] += n
			if differ := len(got) > 0; n > 0 && differ != (name != "") {
				t.Errorf("%s: with another %q: %v", c.ID, name, got)
			}
		}
	}
	t.Logf("compared %v", compared)
	if compared[""] < 150 || compared["status"] != compared[""] {
		t.Errorf("compared %v, want at least 150 of each", compared)
	}
}
