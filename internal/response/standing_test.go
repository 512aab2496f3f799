package response_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/apiece/apiece/internal/response"
)

// none is an Owner that does nothing.
type none struct{}

func (none) Taken(response.Phase) {}

// TestStanding: what can still be done about a response whose handler has failed.
func TestStanding(t *testing.T) {
	refuses := func(rw *response.Writer, w http.ResponseWriter) {
		rw.SetBudget(&response.Budget{Max: 1, Exceeded: func(rw *response.Writer, r *http.Request, size int64) {
			m := response.NewMemory(nil)
			io.WriteString(m, "refused")
			rw.Replace(m)
		}}, httptest.NewRequest("GET", "/", nil))
		io.WriteString(w, "too much")
	}
	tests := []struct {
		name   string
		do     func(rw *response.Writer, f *response.Fence, w http.ResponseWriter)
		want   response.Standing
		behind response.Standing // a fence
	}{
		{"nothing", func(*response.Writer, *response.Fence, http.ResponseWriter) {}, response.Free, response.Free},
		{"a little", func(_ *response.Writer, _ *response.Fence, w http.ResponseWriter) { io.WriteString(w, "x") }, response.Part, response.Free},
		{"a part", func(_ *response.Writer, _ *response.Fence, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
		}, response.Part, response.Part},
		{"the whole", func(_ *response.Writer, _ *response.Fence, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1")
			io.WriteString(w, "x")
		}, response.Whole, response.Whole},
		{"no content", func(_ *response.Writer, _ *response.Fence, w http.ResponseWriter) { w.WriteHeader(204) }, response.Whole, response.Whole},
		{"refused", func(rw *response.Writer, _ *response.Fence, w http.ResponseWriter) { refuses(rw, w) }, response.Gone, response.Gone},
		{"taken", func(_ *response.Writer, f *response.Fence, w http.ResponseWriter) { f.Take(f.Look()) }, response.Free, response.Gone},
		{"a part, and taken", func(_ *response.Writer, f *response.Fence, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			f.Take(f.Look())
		}, response.Part, response.Gone},
	}
	for _, tt := range tests {
		for _, fence := range []bool{false, true} {
			rw := new(response.Writer)
			w := rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			var f response.Fence
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
		rw, f := new(response.Writer), new(response.Fence)
		rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		rw.Fence(f, none{})
		var taken sync.WaitGroup
		taken.Go(func() {
			for f.Take(f.Look()) == response.Again { // because the other's check counts as a call
			}
		})
		for {
			got := rw.Standing()
			if got == response.Gone {
				break
			}
			if got != response.Free {
				t.Fatalf("standing %d", got)
			}
		}
		taken.Wait()
	}
}
