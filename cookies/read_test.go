package cookies_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// carrying returns a request with the Cookie header lines.
func carrying(lines ...string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Cookie"] = lines
	return r
}

func TestParseVectors(t *testing.T) {
	type vector struct {
		ID    string
		Input struct {
			Header *string
			Repeat *struct {
				Template, Separator string
				Count               int
			} `json:"header_repeat"`
		}
		Expected struct {
			Kit   [][2]string
			Count *int `json:"cookie_1_count"`
		}
	}
	for _, v := range testkit.Vectors[vector](t, "cookie-parse.json", "kit") {
		v.Run(t, func(t *testing.T) {
			v := v.Case
			if rep := v.Input.Repeat; rep != nil {
				pairs := make([]string, rep.Count)
				for i := range pairs {
					pairs[i] = strings.ReplaceAll(rep.Template, "{i}", fmt.Sprint(i))
				}
				all := cookies.All(carrying(strings.Join(pairs, rep.Separator)))
				if len(all) != *v.Expected.Count {
					t.Errorf("All has %d cookies, want %d", len(all), *v.Expected.Count)
				}
				return
			}
			want := map[string]string{}
			for _, pair := range v.Expected.Kit {
				want[pair[0]] = pair[1]
			}
			header := *v.Input.Header
			for _, lines := range [][]string{{header}, strings.Split(header, "; ")} {
				r := carrying(lines...)
				if got := cookies.All(r); !maps.Equal(got, want) {
					t.Errorf("All(%q) = %q, want %q", lines, got, want)
				}
				for name, value := range want {
					if got, ok := cookies.Lookup(r, name); got != value || !ok {
						t.Errorf("Lookup(%q, %q) = %q, %v, want %q", lines, name, got, ok, value)
					}
				}
				if got, ok := cookies.Lookup(r, "no such name"); got != "" || ok {
					t.Errorf("Lookup(%q) of a name that is not there = %q, %v", lines, got, ok)
				}
			}
		})
	}
}

// The vectors that net/http can send arrive unchanged from a client.
func TestParseVectorsOnTheWire(t *testing.T) {
	var file struct {
		Cases []struct {
			ID       string
			Input    struct{ Header *string }
			Expected struct{ Kit [][2]string }
		}
	}
	testkit.ReadJSON(t, "cookie-parse.json", &file)

	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		client, url := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			json.NewEncoder(w).Encode(cookies.All(r))
		}))
		carried := 0
		for _, v := range file.Cases {
			if v.Input.Header == nil || strings.ContainsAny(*v.Input.Header, "\r\n\x00\x7f") {
				continue
			}
			req, err := http.NewRequest("GET", url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", *v.Input.Header)
			res, err := client.Do(req)
			if err != nil {
				t.Errorf("%s: %v", v.ID, err)
				continue
			}
			got, want := map[string]string{}, map[string]string{}
			if err := json.Unmarshal([]byte(testkit.Body(t, res)), &got); err != nil {
				t.Fatalf("%s: %v", v.ID, err)
			}
			res.Body.Close()
			for _, pair := range v.Expected.Kit {
				want[pair[0]] = pair[1]
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s: All(%q) = %q, want %q", v.ID, *v.Input.Header, got, want)
			}
			carried++
		}
		t.Logf("%d cases carried", carried)
		if carried < 100 {
			t.Errorf("only %d cases were carried", carried)
		}
	})
}

func TestAllMayBeChanged(t *testing.T) {
	for _, r := range []*http.Request{carrying(), carrying("a=1"), {}} {
		all := cookies.All(r)
		if all == nil {
			t.Fatal("All returned nil")
		}
		all["mine"] = "x"
		if _, ok := cookies.All(r)["mine"]; ok {
			t.Error("a change to the map is seen by the next call")
		}
	}
}

func TestLookupSeesTheHeaderOfNow(t *testing.T) {
	r := carrying("a=1")
	cookies.Lookup(r, "a")
	r.Header.Set("Cookie", "a=2")
	if got, _ := cookies.Lookup(r, "a"); got != "2" {
		t.Errorf("Lookup = %q after the header changed, want 2", got)
	}
}

// Handlers read cookies from several goroutines, like the header.
func TestLookupFromSeveralGoroutines(t *testing.T) {
	_, r := exchange.Copy(carrying("a=1; b=%20"), nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if b, _ := cookies.Lookup(r, "b"); b != " " || len(cookies.All(r)) != 2 {
				t.Errorf("Lookup = %q", b)
			}
		})
	}
	wg.Wait()
}

func TestCheckLimits(t *testing.T) {
	many := strings.Repeat("a=1;", cookies.MaxPairs-1) + "z=9"
	long := "z=" + strings.Repeat("x", cookies.HeaderLimit-2)
	for _, test := range []struct {
		why   string
		lines []string
		ok    bool
	}{
		{"no cookies at all", nil, true},
		{"exactly the number of pairs", []string{many}, true},
		{"one pair more", []string{many + ";b=2"}, false},
		{"one pair more, in another header", []string{many, "b=2"}, false},
		{"semicolons count as in net/http", []string{many + ";"}, false},
		{"exactly the number of bytes", []string{long}, true},
		{"one byte more", []string{long + "x"}, false},
		{"one byte more, in another header", []string{long, "b"}, false},
	} {
		r := carrying(test.lines...)
		err := cookies.Check(r)
		if (err == nil) != test.ok {
			t.Errorf("%s: Check = %v", test.why, err)
		}
		if _, found := cookies.Lookup(r, "z"); found != (test.ok && test.lines != nil) {
			t.Errorf("%s: Lookup found = %v", test.why, found)
		}
		if all := cookies.All(r); (len(all) > 0) != (test.ok && test.lines != nil) {
			t.Errorf("%s: All has %d", test.why, len(all))
		}
		var limit *cookies.LimitError
		if errors.As(err, &limit) && limit.StatusCode() != 431 {
			t.Errorf("%s: status %d", test.why, limit.StatusCode())
		} else if err != nil && limit == nil {
			t.Errorf("%s: %T is no *LimitError", test.why, err)
		}
	}
}

func TestLookupAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	none := carrying()
	delete(none.Header, "Cookie")
	some := carrying("theme=dark; lang=en-US; quoted=\"x\"; session=abc123")
	for _, test := range []struct {
		why  string
		max  float64
		call func()
	}{
		{"absent header", 0, func() { cookies.Lookup(none, "session") }},
		{"absent header, All: the empty map", 1, func() { sink = cookies.All(none) }},
		{"last of four", 0, func() { cookies.Lookup(some, "session") }},
		{"not there", 0, func() { cookies.Lookup(some, "nope") }},
		{"Check", 0, func() { cookies.Check(some) }},
	} {
		if got := testing.AllocsPerRun(100, test.call); got > test.max {
			t.Errorf("%s: %v allocs, want at most %v", test.why, got, test.max)
		}
	}
}

var sink any
