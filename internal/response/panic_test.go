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

// TestWriterAfterPanicBeforeCommit: a write that a hook has kept from committing leaves
// no trace in the response of a recoverer.
func TestWriterAfterPanicBeforeCommit(t *testing.T) {
	for _, guarded := range []bool{false, true} {
		server := httptest.NewRecorder()
		var rw response.Writer
		w := rw.Init(server, httptest.NewRequest("GET", "/", nil))
		if guarded {
			rw.Guard(new(response.Guard), make(told, 1))
		}
		rw.BeforeCommit(func(int) { panic("hook") })
		func() {
			defer func() { _ = recover() }()
			io.WriteString(w, "page")
		}()
		http.Error(w, "recovered", http.StatusInternalServerError)
		if guarded {
			was, _ := rw.Settle()
			rw.Finish(was, true)
		}
		if server.Code != 500 || server.Body.String() != "recovered\n" {
			t.Errorf("guarded %t: %d %q", guarded, server.Code, server.Body)
		}
	}
}

// A heedful writer fails the test if any method is called.
type heedful struct {
	*httptest.ResponseRecorder
	t *testing.T
}

func (w heedful) WriteHeader(status int) { w.t.Errorf("WriteHeader(%d) reached the server", status) }

// TestGuardTakenThenInvalidStatus: the writer of a response that was taken may be in
// use by another goroutine, or must not be used at all.
func TestGuardTakenThenInvalidStatus(t *testing.T) {
	var rw response.Writer
	var guard response.Guard
	w := rw.Init(heedful{httptest.NewRecorder(), t}, httptest.NewRequest("GET", "/", nil))
	rw.Guard(&guard, make(told, 1))
	if got := guard.Take(guard.Look()); got != response.Mine {
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

// TestGuardPanicInsideCall: a call that ends in a panic has left, so the goroutine that
// waits for the response gets it.
func TestGuardPanicInsideCall(t *testing.T) {
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
				var guard response.Guard
				w := rw.Init(inner, httptest.NewRequest("GET", "/", nil))
				rw.Guard(&guard, taken)
				inner.asked, inner.goOn = make(chan struct{}), make(chan struct{})
				go func() {
					defer func() { _ = recover() }()
					call(w)
				}()
				<-inner.asked
				if got := guard.Take(guard.Look()); got != response.Inside {
					t.Fatalf("Take: %d, want Inside", got)
				}
				rw.Hurry(time.Second)
				close(inner.goOn)
				<-taken
			})
		})
	}
}
