package bind_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
	"unsafe"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
)

// A handler allocates the value and what keeps r.Body readable. All other
// allocations are those of the decoder and the validator.
func TestHandlerAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	text := []byte(`{"email":"ada@example.org","items":[{"sku":"a","qty":1},{"sku":"b","qty":2}],"tags":["x"]}`)
	check := validator.New(validator.WithRequiredStructEnabled())
	byHand := testing.AllocsPerRun(100, func() {
		o := new(order)
		if err := json.Unmarshal(text, o); err != nil {
			t.Fatal(err)
		}
		if err := check.Struct(o); err != nil {
			t.Fatal(err)
		}
	})

	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	r, body, w := post(jsonType, ""), new(reusedBody), serverWriter{httptest.NewRecorder()}
	got := testing.AllocsPerRun(100, func() {
		body.Reset(text)
		r.Body, r.ContentLength = body, int64(len(text))
		h.ServeHTTP(w, r)
	})
	if got > byHand+1 {
		t.Errorf("Handler: %v allocations, by hand %v: want one more at most", got, byHand)
	}
}

// A serverWriter has deadlines, as in net/http.
type serverWriter struct{ *httptest.ResponseRecorder }

func (serverWriter) SetReadDeadline(time.Time) error { return nil }

type reusedBody struct{ bytes.Reader }

func (*reusedBody) Close() error { return nil }

// A type without fields from elsewhere allocates nothing for them, and one with
// such fields only their values.
func TestSourcesAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	type body struct { // the same number of fields, for releases of the validator that allocate for each
		ID    string `json:"id"`
		Token string `json:"token"`
		Title string `json:"title"`
	}
	type placed struct {
		ID    string `path:"id"`
		Token string `header:"X-Token"`
		Title string `json:"title"`
	}
	text := []byte(`{"title":"x"}`)
	measure := func(h http.Handler) float64 {
		r, b, w := post(jsonType, ""), new(reusedBody), serverWriter{httptest.NewRecorder()}
		r.SetPathValue("id", "7")
		r.Header.Set("X-Token", "secret")
		return testing.AllocsPerRun(100, func() {
			b.Reset(text)
			r.Body, r.ContentLength = b, int64(len(text))
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Fatal(w.Body)
			}
		})
	}
	without := measure(bind.Handler(func(http.ResponseWriter, *http.Request, body) error { return nil }))
	with := measure(bind.Handler(func(http.ResponseWriter, *http.Request, placed) error { return nil }))
	if with > without+4 {
		t.Errorf("%v allocations without places, %v with two", without, with)
	}
}

func BenchmarkTypeErrors(b *testing.B) {
	type wide struct {
		Alpha, Bravo, Charlie, Delta, Echo, Foxtrot, Golf, Hotel, India, Juliett, Kilo, Lima, Mike, November, Oscar int
		M                                                                                                           map[int]int
	}
	near := bytes.Repeat([]byte(`"oscaR":1,"unknown":2,"Unknown":[3],`), 28_000)
	numbers := bytes.Repeat([]byte(`"12345":67890,`), 70_000)
	good := append(append([]byte{'{'}, near...), `"oscar":1}`...)
	bad := append(append([]byte{'{'}, near...), `"oscar":"x"}`...)
	goodMap := append(append([]byte(`{"m":{`), numbers...), `"1":1}}`...)
	badMap := append(append([]byte(`{"m":{`), numbers...), `"1":"x"}}`...)
	binder := bind.New[wide](bind.Config{Parser: bodyparser.Config{Limit: -1, MaxValues: -1}})
	for _, bench := range []struct {
		name string
		body []byte
		ok   bool
	}{{"near/good", good, true}, {"near/bad", bad, false}, {"map/good", goodMap, true}, {"map/bad", badMap, false}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.body)))
			for b.Loop() {
				if _, err := binder.Body(post(jsonType, string(bench.body))); (err == nil) != bench.ok {
					b.Fatal(err)
				}
			}
		})
	}
}

// A response that is already tracked is not tracked twice.
func TestHandlerSharesTheWriter(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	text := []byte(`{"email":"ada@example.org","items":[{"sku":"a","qty":1}]}`)
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	r, body := post(jsonType, ""), new(reusedBody)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a GC would empty the pools
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))  // each has a pool of its own
	took := func(w http.ResponseWriter) uint64 {
		run := func() {
			body.Reset(text)
			r.Body, r.ContentLength = body, int64(len(text))
			h.ServeHTTP(w, r)
		}
		run()
		const runs = 1000
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			run()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / runs
	}
	bare := serverWriter{httptest.NewRecorder()}
	_, watched := response.Wrap(bare, r)
	if alone, behind := took(bare), took(watched); behind+uint64(unsafe.Sizeof(response.Writer{}))/2 > alone {
		t.Errorf("%d bytes behind a writer of the kit, %d without", behind, alone)
	}
}

// TestStrictAllocs: the next body reuses what the decoder of a strict type needs.
func TestStrictAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	text := []byte(`{"email":"ada@example.org","items":[{"sku":"a","qty":1}],"tags":["x"]}`)
	count := func(cfg bind.Config) float64 {
		h := bind.HandlerWith(cfg, func(http.ResponseWriter, *http.Request, order) error { return nil })
		r, body, w := post(jsonType, ""), new(reusedBody), serverWriter{httptest.NewRecorder()}
		return testing.AllocsPerRun(100, func() {
			body.Reset(text)
			r.Body, r.ContentLength = body, int64(len(text))
			h.ServeHTTP(w, r)
		})
	}
	if strict, plain := count(bind.Config{Strict: true}), count(bind.Config{}); strict > plain+3 {
		t.Errorf("%v allocations, %v for the same type when it is not strict: want three more at most", strict, plain)
	}
}
