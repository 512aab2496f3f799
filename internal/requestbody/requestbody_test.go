package requestbody

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// inMemory is a body that no client has to send.
type inMemory struct{ io.ReadCloser }

func (inMemory) InMemory() {}

// TestArmWarnsOnce: a body without a time limit is logged once.
func TestArmWarnsOnce(t *testing.T) {
	var log testkit.Log
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	request := func(server *http.Server) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
		if server != nil {
			r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, server))
		}
		return r
	}
	body := func(r *http.Request, body io.ReadCloser) *http.Request {
		r.Body = body
		return r
	}
	unbounded = sync.Once{}
	for _, test := range []struct {
		why  string
		w    http.ResponseWriter
		r    *http.Request
		d    time.Duration
		want int // records so far
	}{
		{"no server, as in a test", nil, request(nil), time.Second, 0},
		{"a server that bounds it more tightly", nil, request(&http.Server{ReadTimeout: time.Second}), time.Second, 0},
		{"no bound", nil, request(&http.Server{}), -1, 0},
		{"no body", nil, body(request(&http.Server{}), http.NoBody), time.Second, 0},
		{"a body that is there", nil, body(request(&http.Server{}), inMemory{}), time.Second, 0},
		{"a writer", httptest.NewRecorder(), request(&http.Server{}), time.Second, 0},
		{"none", nil, request(&http.Server{}), time.Second, 1},
		{"once is enough", nil, request(&http.Server{}), time.Second, 1},
	} {
		Arm(test.w, test.r, test.d)
		if n := len(log.Records()); n != test.want {
			t.Errorf("%s: %d records, want %d", test.why, n, test.want)
		}
	}
	if records := log.Records(); len(records) == 1 && records[0].Level != slog.LevelWarn {
		t.Errorf("level %v", records[0].Level)
	}
}

// TestLimitedReads: a body is limited as by http.MaxBytesReader, however it is read.
func TestLimitedReads(t *testing.T) {
	failed := errors.New("failed")
	for _, body := range []string{"", "x", strings.Repeat("x", 99), strings.Repeat("x", 100), strings.Repeat("x", 101), strings.Repeat("x", 1000)} {
		for _, limit := range []int64{0, 1, 100, 999, math.MaxInt64 - 1, math.MaxInt64} {
			for name, source := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "data with its error": iotest.DataErrReader,
				"failing": func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(failed)) },
			} {
				for _, size := range []int{0, 1, 7, 100, 101, 4096} {
					r := httptest.NewRequest("POST", "/", nil)
					r.Body = io.NopCloser(source(strings.NewReader(body)))
					new(Limited).Put(nil, r, limit)
					want := http.MaxBytesReader(nil, io.NopCloser(source(strings.NewReader(body))), limit)
					for range 1100 {
						p, q := make([]byte, size), make([]byte, size)
						n, err := r.Body.Read(p)
						m, wanted := want.Read(q)
						var max *http.MaxBytesError
						same := err == wanted || errors.As(err, &max) && max.Limit == limit && errors.As(wanted, &max)
						if n != m || !same || string(p[:n]) != string(q[:m]) {
							t.Fatalf("%d bytes, limit %d, %s, by %d: %d, %v; want %d, %v", len(body), limit, name, size, n, err, m, wanted)
						}
					}
				}
			}
		}
	}
}
