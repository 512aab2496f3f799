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

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/respw"
	"github.com/apiece/apiece/internal/testkit"
)

// A handler pays for the value and for what keeps r.Body readable. Everything
// else is what the decoder and the validator allocate for anybody.
func TestAllocs(t *testing.T) {
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

// A serverWriter has deadlines, as the one of net/http has.
type serverWriter struct{ *httptest.ResponseRecorder }

func (serverWriter) SetReadDeadline(time.Time) error { return nil }

type reusedBody struct{ bytes.Reader }

func (*reusedBody) Close() error { return nil }

// A response that is watched already is not watched once more.
func TestNoSecondWriter(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	text := []byte(`{"email":"ada@example.org","items":[{"sku":"a","qty":1}]}`)
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	r, body := post(jsonType, ""), new(reusedBody)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which would empty the pools
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
	_, watched := respw.Wrap(bare, r)
	if alone, behind := took(bare), took(watched); behind+uint64(unsafe.Sizeof(respw.Writer{}))/2 > alone {
		t.Errorf("%d bytes behind a writer of the kit, %d without", behind, alone)
	}
}
