package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// TestTimeoutErrorIs: it matches the error of context.WithTimeout, directly and as the
// cause of a context.
func TestTimeoutErrorIs(t *testing.T) {
	for name, err := range map[string]error{
		"itself":  &middleware.TimeoutError{Duration: time.Second},
		"wrapped": fmt.Errorf("query: %w", &middleware.TimeoutError{}),
		"the cause of a context": func() (cause error) {
			within(time.Millisecond, new(testkit.Log), func(w http.ResponseWriter, r *http.Request) {
				late(w, r)
				cause = context.Cause(r.Context())
			}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			return cause
		}(),
	} {
		var own *middleware.TimeoutError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &own) || !os.IsTimeout(own) || errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v is not what the deadline of a context gives", name, err)
		}
	}
}

// derived are contexts that handlers, and layers between, derive from the request's.
var derived = map[string]func(context.Context) (context.Context, context.CancelFunc){
	"itself":     func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
	"WithValue":  func(ctx context.Context) (context.Context, context.CancelFunc) { return user(ctx), func() {} },
	"WithCancel": context.WithCancel,
	"inside values": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithCancel(user(user(ctx)))
	},
	"WithTimeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(user(ctx), time.Hour)
	},
	"two levels": func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(user(ctx))
		inner, cancelInner := context.WithCancelCause(user(ctx))
		return inner, func() { cancelInner(nil); cancel() }
	},
}

type userKey struct{}

func user(ctx context.Context) context.Context { return context.WithValue(ctx, userKey{}, "alice") }

// TestTimeoutContextEnds: how the contexts of a handler end, by cause.
func TestTimeoutContextEnds(t *testing.T) {
	stopped := errors.New("the service stops")
	tests := []struct {
		name  string
		ends  func(r *http.Request, cancel context.CancelCauseFunc)
		err   error
		cause func(error) bool
	}{
		{"the deadline", func(*http.Request, context.CancelCauseFunc) { time.Sleep(time.Second) }, context.DeadlineExceeded,
			func(cause error) bool {
				var own *middleware.TimeoutError
				return errors.As(cause, &own) && own.Duration == time.Second
			}},
		{"the parent", func(_ *http.Request, cancel context.CancelCauseFunc) { cancel(stopped) }, context.Canceled,
			func(cause error) bool { return cause == stopped }},
		{"Extend to now", func(r *http.Request, _ context.CancelCauseFunc) {
			middleware.Extend(r, 0)
			time.Sleep(time.Millisecond)
		}, context.DeadlineExceeded,
			func(cause error) bool { return errors.Is(cause, context.DeadlineExceeded) }},
		{"the parent, and the deadline after", func(_ *http.Request, cancel context.CancelCauseFunc) {
			cancel(stopped)
			time.Sleep(time.Minute)
		}, context.Canceled, func(cause error) bool { return cause == stopped }},
		{"the deadline, and the parent after", func(_ *http.Request, cancel context.CancelCauseFunc) {
			time.Sleep(time.Minute)
			cancel(stopped)
		}, context.DeadlineExceeded, func(cause error) bool { return errors.Is(cause, context.DeadlineExceeded) }},
	}
	for _, tt := range tests {
		for name, derive := range derived {
			for _, early := range []bool{true, false} { // derived before the end, or after
				t.Run(fmt.Sprintf("%s/%s/%t", tt.name, name, early), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						var log testkit.Log
						parent, cancel := context.WithCancelCause(t.Context())
						within(time.Second, &log, func(w http.ResponseWriter, r *http.Request) {
							ctx, stop := derive(r.Context())
							defer stop()
							called := make(chan bool, 1)
							unbar := context.AfterFunc(ctx, func() { called <- true })
							if !early {
								unbar()
							}
							tt.ends(r, cancel)
							if !early {
								ctx, stop = derive(r.Context())
								defer stop()
								context.AfterFunc(ctx, func() { called <- true })
							}
							synctest.Wait()
							inOrder(t, name, ctx)
							if cause := context.Cause(ctx); ctx.Err() != tt.err || !tt.cause(cause) {
								t.Errorf("ended with %v, %v", ctx.Err(), cause)
							}
							if len(called) != 1 {
								t.Error("AfterFunc was not called")
							}
						}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(parent, "GET", "/", nil))
					})
				})
			}
		}
	}
}

// TestTimeoutContextOrder: a derived context with an Err has its Done closed at once,
// whether the timer or the handler comes first.
func TestTimeoutContextOrder(t *testing.T) {
	var log testkit.Log
	for range 100 {
		within(time.Millisecond, &log, func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			child, cancel := context.WithCancel(user(ctx))
			defer cancel()
			watched := make(chan struct{})
			go func() {
				defer close(watched)
				<-child.Done()
				inOrder(t, "the parent of a context that is done", ctx)
				if ctx.Err() == nil {
					t.Error("a derived context is done before the request's")
				}
			}()
			for ctx.Err() == nil {
			}
			inOrder(t, "the request's context", ctx)
			inOrder(t, "a derived context", child)
			if child.Err() == nil {
				t.Error("the request's context has ended, and a derived one has not")
			}
			<-watched
		}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
}

// A watched context is a foreign one: package context starts a goroutine for each
// context derived from it.
type watched struct {
	context.Context
	done chan struct{}
}

func (c watched) Done() <-chan struct{} { return c.done }

// TestTimeoutContextStartsNoGoroutine: contexts derived from the context of a request
// register with it, with or without values in between.
func TestTimeoutContextStartsNoGoroutine(t *testing.T) {
	count := func(ctx context.Context) int {
		for range 10 {
			for _, derive := range derived {
				_, cancel := derive(ctx)
				defer cancel()
			}
		}
		buf := make([]byte, 4<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by context.(*cancelCtx).propagateCancel")
	}
	foreign := watched{context.Background(), make(chan struct{})}
	if n := count(foreign); n == 0 {
		t.Fatal("none is counted where there have to be some: does package context still start them?")
	}
	r := httptest.NewRequest("GET", "/", nil)
	for name, limit := range map[string]func(http.Handler) http.Handler{
		"one": middleware.Timeout(time.Minute),
		"nested": func(h http.Handler) http.Handler {
			return middleware.Timeout(time.Hour)(middleware.Timeout(time.Minute)(h))
		},
		"with values between": func(h http.Handler) http.Handler {
			inner := middleware.Timeout(time.Minute)(h)
			return middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(w, r.WithContext(user(r.Context())))
			}))
		},
	} {
		eventually(t, "the goroutines of before are gone", func() bool {
			buf := make([]byte, 4<<20)
			return !strings.Contains(string(buf[:runtime.Stack(buf, true)]), "created by context.(*cancelCtx).propagateCancel")
		})
		limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n := count(r.Context()); n != 0 {
				t.Errorf("%s: %d goroutines", name, n)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}
