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

// TestStandingOfFailedHandler: what can still be done about a response whose handler
// has failed.
func TestStandingOfFailedHandler(t *testing.T) {
	refuses := func(rw *response.Writer, w http.ResponseWriter) {
		rw.SetBudget(&response.Budget{Max: 1, Exceeded: func(rw *response.Writer, r *http.Request, size int64) {
			m := response.NewMemory(nil)
			io.WriteString(m, "refused")
			rw.Replace(m)
		}}, httptest.NewRequest("GET", "/", nil))
		io.WriteString(w, "too much")
	}
	tests := []struct {
		name    string
		do      func(rw *response.Writer, f *response.Guard, w http.ResponseWriter)
		want    response.Standing
		guarded response.Standing // with a Guard
	}{
		{"nothing", func(*response.Writer, *response.Guard, http.ResponseWriter) {}, response.Free, response.Free},
		{"a little", func(_ *response.Writer, _ *response.Guard, w http.ResponseWriter) { io.WriteString(w, "x") }, response.Part, response.Free},
		{"a part", func(_ *response.Writer, _ *response.Guard, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
		}, response.Part, response.Part},
		{"the whole", func(_ *response.Writer, _ *response.Guard, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1")
			io.WriteString(w, "x")
		}, response.Whole, response.Whole},
		{"no content", func(_ *response.Writer, _ *response.Guard, w http.ResponseWriter) { w.WriteHeader(204) }, response.Whole, response.Whole},
		{"refused", func(rw *response.Writer, _ *response.Guard, w http.ResponseWriter) { refuses(rw, w) }, response.Gone, response.Gone},
		{"taken", func(_ *response.Writer, f *response.Guard, w http.ResponseWriter) { f.Take(f.Look()) }, response.Free, response.Gone},
		{"a part, and taken", func(_ *response.Writer, f *response.Guard, w http.ResponseWriter) {
			io.WriteString(w, "x")
			http.NewResponseController(w).Flush()
			f.Take(f.Look())
		}, response.Part, response.Gone},
	}
	for _, tt := range tests {
		for _, guard := range []bool{false, true} {
			rw := new(response.Writer)
			w := rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			var f response.Guard
			want := tt.want
			if guard {
				rw.Guard(&f, none{})
				want = tt.guarded
			}
			tt.do(rw, &f, w)
			if got := rw.Standing(); got != want {
				t.Errorf("%s, guard %t: %d, want %d", tt.name, guard, got, want)
			}
		}
	}
}

// TestStandingWhileTaken: a response of which nothing was sent is never a part,
// however close the check is to its being taken.
func TestStandingWhileTaken(t *testing.T) {
	for range 2000 {
		rw, f := new(response.Writer), new(response.Guard)
		rw.Init(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		rw.Guard(f, none{})
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
