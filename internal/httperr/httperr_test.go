package httperr_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
	"github.com/apiece/apiece/internal/testkit"
)

type answered struct{}

func (answered) Error() string   { return "answered" }
func (answered) Answered() bool  { return true }
func (answered) StatusCode() int { return 503 }

type gone struct{}

func (gone) Error() string    { return "gone" }
func (gone) ClientGone() bool { return true }

// TestHandle is the table of who answers, who logs and who aborts.
func TestHandle(t *testing.T) {
	part := func(w http.ResponseWriter) { io.WriteString(w, "part") }
	whole := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "whole")
	}
	cut := func(w http.ResponseWriter) {
		rw, _ := respw.Of(w)
		rw.SetBudget(&respw.Budget{Max: 1, Exceeded: func(w http.ResponseWriter, _ *http.Request, _ httperr.Hook, _ int64, _ bool) {
			http.Error(w, "refused", 500)
		}}, nil)
		io.WriteString(w, "too long")
	}
	tests := []struct {
		name    string
		err     error
		before  func(http.ResponseWriter)
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		hooked  bool
		logged  bool
		aborted bool
		why     string
	}{
		{"4xx", &httperr.Error{Status: 404}, nil, nil, true, false, false, "the client's mistake"},
		{"5xx", errors.New("x"), nil, nil, true, true, false, "ours"},
		{"answered", answered{}, nil, nil, false, true, false, "once is enough; still a 503 for the log"},
		{"answered, wrapped", fmt.Errorf("x: %w", answered{}), nil, nil, false, true, false, "the mark is found in the tree"},
		{"client gone by error", gone{}, nil, nil, false, false, true, "nobody to tell, nothing wrong; an empty 200 would be"},
		{"client gone by context", errors.New("x"), nil, context.WithCancel, false, false, true, "as net/http says it"},
		{"body too large, and no more is read", fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 1}), nil, context.WithCancel, true, false, false, "the client is there, and has sent too much"},
		{"part out", errors.New("x"), part, nil, false, true, true, "the part must not look whole"},
		{"part out, 4xx", &httperr.Error{Status: 404}, part, nil, false, true, true, "it was going to be a 200"},
		{"part out, client gone", gone{}, part, nil, false, false, true, "for caches outside"},
		{"whole out", errors.New("x"), whole, nil, false, true, false, "nothing to abort"},
		{"taken away", errors.New("x"), cut, nil, false, false, false, "whoever took it has answered and logged"},
		{"handler timeout", fmt.Errorf("write: %w", http.ErrHandlerTimeout), nil, nil, false, false, false, "likewise"},
		{"our deadline", errors.New("x"), nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(answered{})
			return ctx, func() {}
		}, false, false, false, "the cause says that it was answered"},
		{"abort", http.ErrAbortHandler, nil, nil, false, false, true, "net/http's own word"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			r := httptest.NewRequest("GET", "/", nil)
			if tt.ctx != nil {
				ctx, cancel := tt.ctx(r.Context())
				cancel()
				r = r.WithContext(ctx)
			}
			_, w := respw.Wrap(httptest.NewRecorder(), r)
			if tt.before != nil {
				tt.before(w)
			}
			hooked, aborted := false, false
			func() {
				defer func() { aborted = recover() == http.ErrAbortHandler }()
				httperr.Handle(w, r, tt.err, func(w http.ResponseWriter, r *http.Request, err error) {
					hooked = true
					httperr.Plain(w, r, err)
				}, log.Logger())
			}()
			if logged := len(log.Records()) == 1; hooked != tt.hooked || logged != tt.logged || aborted != tt.aborted {
				t.Errorf("hooked %t, logged %t, aborted %t; want %t, %t, %t: %s", hooked, logged, aborted, tt.hooked, tt.logged, tt.aborted, tt.why)
			}
		})
	}
}

func TestFail(t *testing.T) {
	cause := errors.New("cause")
	w := httptest.NewRecorder()
	err := httperr.Fail(w, httptest.NewRequest("GET", "/", nil), cause)
	if w.Code != 500 || !httperr.Answered(err) || !errors.Is(err, cause) || err.Error() != "cause" {
		t.Errorf("%d, %v, answered %t", w.Code, err, httperr.Answered(err))
	}

	_, committed := respw.Wrap(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	committed.WriteHeader(200)
	if err := httperr.Fail(committed, httptest.NewRequest("GET", "/", nil), cause); httperr.Answered(err) {
		t.Error("says that it has answered, with the header out")
	}

	// The hook of the handler answers, and is told the cause.
	rw, hooked := respw.Wrap(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	calls := 0
	rw.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
		calls++
		if !errors.Is(err, cause) {
			t.Errorf("the hook is given %v", err)
		}
		_ = httperr.Fail(w, r, err) // as a hook would whose own answer cannot be made
	}
	if httperr.Fail(hooked, httptest.NewRequest("GET", "/", nil), cause); calls != 1 || rw.Status() != 500 || rw.OnError == nil {
		t.Errorf("the hook ran %d times, status %d", calls, rw.Status())
	}
}
