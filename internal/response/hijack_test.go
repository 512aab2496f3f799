package response_test

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/response"
)

// A slowHijacker has a Hijack that blocks until it is released.
type slowHijacker struct {
	*httptest.ResponseRecorder
	begun, goOn chan struct{}
	err         error
}

func (w *slowHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	close(w.begun)
	<-w.goOn
	return nil, nil, w.err
}

// TestGuardTakenDuringHijack: the deadline passes during a hijack, which then succeeds or
// fails, before the handler returns or, on a goroutine that it left running, after.
func TestGuardTakenDuringHijack(t *testing.T) {
	fails := errors.New("fails")
	for _, tt := range []struct {
		name      string
		err       error
		returned  bool
		want      response.Phase // at the end
		wantTaken bool
	}{
		{"succeeds", nil, false, response.Foreign, false},
		{"fails", fails, false, response.Taken, true},
		{"succeeds after the return", nil, true, response.Done, false},
		{"fails after the return", fails, true, response.Done, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inner := &slowHijacker{httptest.NewRecorder(), make(chan struct{}), make(chan struct{}), tt.err}
			taken := make(told, 1)
			var rw response.Writer
			var guard response.Guard
			w := rw.Init(inner, httptest.NewRequest("GET", "/", nil))
			rw.Guard(&guard, taken)
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _, _ = w.(http.Hijacker).Hijack()
			}()
			<-inner.begun
			if got := guard.Take(guard.Look()); got != response.Marked {
				t.Fatalf("Take: %d, want Marked", got)
			}
			if tt.returned {
				if _, ok := rw.Settle(); !ok {
					t.Error("the handler did not settle")
				}
			}
			close(inner.goOn)
			<-done
			if got := guard.Look().Phase(); got != tt.want {
				t.Errorf("phase %d, want %d", got, tt.want)
			}
			if tt.wantTaken {
				<-taken
			}
			if lost := response.Lost(w); tt.want == response.Foreign && lost {
				t.Error("a connection of its own is no response that was lost")
			}
		})
	}
}

type told chan response.Phase

func (c told) Taken(was response.Phase) { c <- was }
