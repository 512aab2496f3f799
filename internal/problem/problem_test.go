package problem_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
)

type gone struct{}

func (gone) Error() string    { return "gone" }
func (gone) ClientGone() bool { return true }

// TestHandle is the table of who responds, who logs and who aborts.
func TestHandle(t *testing.T) {
	part := func(w http.ResponseWriter) { io.WriteString(w, "part") }
	whole := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "whole")
	}
	cut := func(w http.ResponseWriter) {
		rw, _ := response.Of(w)
		rw.SetBudget(&response.Budget{Max: 1, Exceeded: func(rw *response.Writer, r *http.Request, _ int64) {
			problem.Render(rw, r, errors.New("refused"), nil, nil, false)
		}}, httptest.NewRequest("GET", "/", nil))
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
		{"4xx", &problem.Error{Status: 404}, nil, nil, true, false, false, "the client's mistake"},
		{"5xx", errors.New("x"), nil, nil, true, true, false, "ours"},
		{"logged", problem.Logged(errors.New("x")), nil, nil, true, false, false, "it has its record, but this response is not made"},
		{"logged, and answered", fmt.Errorf("x: %w", problem.Logged(errors.New("x"))), whole, nil, false, false, false, "the mark is found in the tree"},
		{"logged, after a part", problem.Logged(errors.New("x")), part, nil, false, false, true, "it was answered, but not here"},
		{"client gone by error", gone{}, nil, nil, false, false, true, "no client to tell, nothing wrong; an empty 200 would be"},
		{"client gone by context", errors.New("x"), nil, context.WithCancel, false, false, true, "as net/http says it"},
		{"body too large, and no more is read", fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 1}), nil, context.WithCancel, true, false, false, "the client is there, and has sent too much"},
		{"part out", errors.New("x"), part, nil, false, true, true, "the part must not look whole"},
		{"part out, 4xx", &problem.Error{Status: 404}, part, nil, false, true, true, "it was going to be a 200"},
		{"part out, client gone", gone{}, part, nil, false, false, true, "for caches outside"},
		{"whole out", errors.New("x"), whole, nil, false, true, false, "nothing to abort"},
		{"taken away", errors.New("x"), cut, nil, false, false, false, "the layer that took it has responded and logged"},
		{"a handler timeout elsewhere", fmt.Errorf("write: %w", http.ErrHandlerTimeout), nil, nil, true, true, false, "an error says nothing of this response"},
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
			_, w := response.Wrap(httptest.NewRecorder(), r)
			if tt.before != nil {
				tt.before(w)
			}
			hooked, aborted := false, false
			func() {
				defer func() { aborted = recover() == http.ErrAbortHandler }()
				problem.Handle(w, r, tt.err, func(w http.ResponseWriter, r *http.Request, err error) {
					hooked = true
					problem.Plain(w, r, err)
				}, log.Logger())
			}()
			if logged := len(log.Records()) == 1; hooked != tt.hooked || logged != tt.logged || aborted != tt.aborted {
				t.Errorf("hooked %t, logged %t, aborted %t; want %t, %t, %t: %s", hooked, logged, aborted, tt.hooked, tt.logged, tt.aborted, tt.why)
			}
		})
	}
}

func TestFail(t *testing.T) {
	var log testkit.Log
	request := func(hook problem.ErrorHook) *http.Request {
		return exchange.WithDefaults(nil, httptest.NewRequest("GET", "/", nil), hook, log.Logger())
	}
	cause := errors.New("cause")
	w := httptest.NewRecorder()
	err := problem.Fail(w, request(nil), cause)
	if w.Code != 500 || !errors.Is(err, cause) || err.Error() != "cause" || len(log.Records()) != 1 {
		t.Errorf("%d, %v, %d records", w.Code, err, len(log.Records()))
	}

	_, committed := response.Wrap(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	committed.WriteHeader(200)
	if err := problem.Fail(committed, request(nil), cause); err != cause || len(log.Records()) != 1 {
		t.Errorf("with the header sent: %v, %d records", err, len(log.Records()))
	}

	// The hook of the layers outside responds, and gets the cause.
	rw, hooked := response.Wrap(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	calls := 0
	r := request(func(w http.ResponseWriter, r *http.Request, err error) {
		calls++
		if !errors.Is(err, cause) {
			t.Errorf("the hook is given %v", err)
		}
		_ = problem.Fail(w, r, err) // as a hook would whose own response fails
	})
	if problem.Fail(hooked, r, cause); calls != 1 || rw.Status() != 500 || len(log.Records()) != 2 {
		t.Errorf("the hook ran %d times, status %d, %d records", calls, rw.Status(), len(log.Records()))
	}
}
