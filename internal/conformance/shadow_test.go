package conformance_test

import (
	"cmp"
	"flag"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/shadow"
)

// recorded responds to every request as Next.js did, except for what change does.
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

// shadowed is a case whose whole response is recorded, and is ours too.
type shadowed struct {
	behavior
	want expected
}

// readShadowed returns the cases that can form an old server, and the tables of their
// routes.
func readShadowed(t *testing.T) (cases []shadowed, tables map[string][]string) {
	var file struct {
		Tables map[string][]string
		Cases  []behavior
	}
	testkit.ReadJSON(t, "api-behaviour.json", &file)
	replaced := readInstead(t)
	for _, c := range file.Cases {
		var want expected
		if c.Kind != "http" || replaced[c.ID] != nil || strict(c.Expected, &want) != nil {
			continue
		}
		if want.Body != nil && want.BodySHA256 == "" && !want.Cut && !want.FrameworkErrorPage && want.Status >= 200 && want.Status != http.StatusNotModified {
			cases = append(cases, shadowed{c, want})
		}
	}
	return cases, file.Tables
}

// shadowConfig says how cases are compared.
func shadowConfig() shadow.Config {
	return shadow.Config{
		Headers:    []string{"Location"},
		IgnoreJSON: []string{"/error"}, // which JavaScript phrases differently
		BodyLimit:  8 << 20,
	}
}

// TestShadowOfRecordedCases uses the recordings of Next.js as the old server, and
// compares this module with it like a service that is being ported: unchanged cases
// have no difference, and every change is found.
func TestShadowOfRecordedCases(t *testing.T) {
	cases, tables := readShadowed(t)
	changes := map[string]func(*expected){
		"":       nil,
		"status": func(e *expected) { e.Status++ },
		"body":   func(e *expected) { text := cmp.Or(*e.Body, "x") + "x"; e.Body = &text },
	}
	compared := map[string]int64{}
	all := ways(t)
	recorder := all[slices.IndexFunc(all, func(w way) bool { return w.name == "recorder" })]
	for _, c := range cases {
		for name, change := range changes {
			if name == "body" && (c.Request.Method == http.MethodHead || c.want.Status == http.StatusNoContent) {
				continue
			}
			var got []shadow.Difference
			cfg := shadowConfig()
			cfg.Methods = []string{c.Request.Method}
			cfg.Report = func(d shadow.Difference) { got = append(got, d) }
			beside := shadow.New(c.want.recorded(change), cfg)
			c.outside = beside.Middleware
			f, err := newFixture(&c.behavior, tables, variant{})
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

var shadowTime = flag.Duration("shadow", 0, "how long TestShadowTraffic repeats the requests; 0 is once")

// TestShadowTraffic sends all requests to one server, repeatedly, with one Shadow: its
// final report is the one a service would get.
func TestShadowTraffic(t *testing.T) {
	const name = "Test-Case" // tells the old server which response to send
	cases, tables := readShadowed(t)
	old := map[string]http.Handler{}
	for _, c := range cases {
		old[c.ID] = c.want.recorded(nil)
	}
	beside := shadow.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		old[r.Header.Get(name)].ServeHTTP(w, r)
	}), shadowConfig())
	all := func(t *testing.T) {
		wire := ways(t)[0]
		for _, c := range cases {
			c.outside = func(ported http.Handler) http.Handler {
				compared := beside.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Del(name)
					ported.ServeHTTP(w, r)
				}))
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Set(name, c.ID)
					compared.ServeHTTP(w, r)
				})
			}
			f, err := newFixture(&c.behavior, tables, variant{})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := f.play(wire); err != nil {
				t.Fatalf("%s: %v", c.ID, err)
			}
		}
	}
	begun := time.Now()
	for t.Run("round", all) && time.Since(begun) < *shadowTime {
	}
	if err := beside.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	stats := beside.Stats()
	t.Log(stats)
	if stats.Compared < 100 || stats.Differ+stats.Failed > 0 {
		t.Errorf("want at least 100 compared, and no difference")
	}
}
