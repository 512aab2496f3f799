package respw_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/apiece/apiece/internal/respw"
)

// none is an Owner that does nothing.
type none struct{}

func (none) Taken(respw.Phase) {}

// TestStanding: what can still be done about a response whose handler has failed.
func TestStanding(t *testing.T) {
	refuses := func(rw *respw.Writer, w http.ResponseWriter) {
		rw.SetBudget(&respw.Budget{Max: 1, Exceeded: func(rw *respw.Writer, r *http.Request, size int64) {
			m := respw.NewMemory(nil)
			io.WriteString(m, "refused")
			rw.Replace(m)
		}}, httptest.NewRequest("GET", "/", nil))
		io.WriteString(w, "too much")
	}
	tests := []struct {
		name   string
		do     func(rw *respw.Writer, f *respw.Fence, w http.ResponseWriter)
		want   respw.Standing
		behind respw.Standing // a fence
	}{
		{"nothing", func(*respw.Writer, *respw.Fence, http.ResponseWriter) {}, respw.Free, respw.Free},
		{"a little", func(_ *respw.Writer, _ *respw.Fence, w http.ResponseWriter) { io.WriteString(w, "x") }, respw.Part, respw.Free},
		{"a part", func(_ *respw.Writer, _ *respw.Fence, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
		}, respw.Part, respw.Part},
		{"the whole", func(_ *respw.Writer, _ *respw.Fence, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1")
			io.WriteString(w, "x")
		}, respw.Whole, respw.Whole},
		{"no content", func(_ *respw.Writer, _ *respw.Fence, w http.ResponseWriter) { w.WriteHeader(204) }, respw.Whole, respw.Whole},
		{"refused", func(rw *respw.Writer, _ *respw.Fence, w http.ResponseWriter) { refuses(rw, w) }, respw.Gone, respw.Gone},
		{"taken", func(_ *respw.Writer, f *respw.Fence, w http.ResponseWriter) { f.Take(f.Look()) }, respw.Free, respw.Gone},
		{"a part, and taken", func(_ *respw.Writer, f *respw.Fence, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			f.Take(f.Look())
		}, respw.Part, respw.Gone},
	}
	for _, tt := range tests {
		for _, fence := range []bool{false, true} {
			rw := new(respw.Writer)
			w := rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			var f respw.Fence
			want := tt.want
			if fence {
				rw.Fence(&f, none{})
				want = tt.behind
			}
			tt.do(rw, &f, w)
			if got := rw.Standing(); got != want {
				t.Errorf("%s, fence %t: %d, want %d", tt.name, fence, got, want)
			}
		}
	}
}

// TestStandingWhileItIsTaken: a response of which nothing was sent is never a part,
// however close the check is to its being taken.
func TestStandingWhileItIsTaken(t *testing.T) {
	for range 2000 {
		rw, f := new(respw.Writer), new(respw.Fence)
		rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		rw.Fence(f, none{})
		var taken sync.WaitGroup
		taken.Go(func() {
			for f.Take(f.Look()) == respw.Again { // because the other's check counts as a call
			}
		})
		for {
			got := rw.Standing()
			if got == respw.Gone {
				break
			}
			if got != respw.Free {
				t.Fatalf("standing %d", got)
			}
		}
		taken.Wait()
	}
}
