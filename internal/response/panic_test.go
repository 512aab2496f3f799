package response_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/response"
)

// TestWriteHeaderAfterAPanic: a write that a hook has kept from committing leaves no
// trace in the response of a recoverer.
func TestWriteHeaderAfterAPanic(t *testing.T) {
	for _, fenced := range []bool{false, true} {
		server := httptest.NewRecorder()
		var rw response.Writer
		w := rw.Init(server, httptest.NewRequest("GET", "/", nil))
		if fenced {
			rw.Fence(new(response.Fence), make(told, 1))
		}
		rw.BeforeCommit(func(int) { panic("hook") })
		func() {
			defer func() { _ = recover() }()
			io.WriteString(w, "page")
		}()
		http.Error(w, "recovered", http.StatusInternalServerError)
		if fenced {
			was, _ := rw.Settle()
			rw.Finish(was, true)
		}
		if server.Code != 500 || server.Body.String() != "recovered\n" {
			t.Errorf("fenced %t: %d %q", fenced, server.Code, server.Body)
		}
	}
}

// A heedful writer fails the test if any method is called.
type heedful struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (w heedful) WriteHeader(status int) { w.t.Errorf("WriteHeader(%d) reached the server", status) }

// TestLateInvalidStatus: the writer of a response that was taken may be in use by
// another goroutine, or must not be used at all.
func TestLateInvalidStatus(t *testing.T) {
	var rw response.Writer
	var fence response.Fence
	w := rw.Init(heedful{httptest.NewRecorder(), t}, httptest.NewRequest("GET", "/", nil))
	rw.Fence(&fence, make(told, 1))
	if got := fence.Take(fence.Look()); got != response.Mine {
		t.Fatalf("Take: %d, want Mine", got)
	}
	w.WriteHeader(1000)
}

// A headerPanics panics in Header, once it is armed.
type headerPanics struct {
	*httptest.ResponseRecorder
	asked, goOn chan struct{}
}

func (w *headerPanics) Header() http.Header {
	if w.asked != nil {
		close(w.asked)
		<-w.goOn
		panic("header")
	}
	return w.ResponseRecorder.Header()
}

// TestPanicInside: a call that ends in a panic has left, so the goroutine that waits
// for the response gets it.
func TestPanicInside(t *testing.T) {
	calls := map[string]func(http.ResponseWriter){
		"Header":      func(w http.ResponseWriter) { w.Header() },
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(200) },
		"Write":       func(w http.ResponseWriter) { io.WriteString(w, "page") },
		"inform":      func(w http.ResponseWriter) { w.WriteHeader(http.StatusEarlyHints) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner := &headerPanics{ResponseRecorder: httptest.NewRecorder()}
				inner.ResponseRecorder.Header().Set("X-Outer", "1")
				taken := make(told, 1)
				var rw response.Writer
				var fence response.Fence
				w := rw.Init(inner, httptest.NewRequest("GET", "/", nil))
				rw.Fence(&fence, taken)
				inner.asked, inner.goOn = make(chan struct{}), make(chan struct{})
				go func() {
					defer func() { _ = recover() }()
					call(w)
				}()
				<-inner.asked
				if got := fence.Take(fence.Look()); got != response.Inside {
					t.Fatalf("Take: %d, want Inside", got)
				}
				rw.Hurry(time.Second)
				close(inner.goOn)
				<-taken
			})
		})
	}
}
