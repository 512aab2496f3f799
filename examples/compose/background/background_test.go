package background_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/examples/compose/background"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

type userKey struct{}

// TestGoAfterResponse: the response does not wait, and the work has the values of the
// request but is not canceled with it, even if the client has disconnected.
func TestGoAfterResponse(t *testing.T) {
	jobs := background.New(background.Config{})
	release, said := make(chan struct{}), make(chan string)
	h := middleware.New(middleware.Config{MaxDuration: time.Minute})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		ctx := context.WithValue(r.Context(), userKey{}, "ada")
		err := jobs.Go(ctx, "mail", func(ctx context.Context) error {
			<-release
			said <- fmt.Sprint(ctx.Value(userKey{}), " ", ctx.Err())
			return nil
		})
		if err != nil {
			return err
		}
		return reply.Send(w, r, http.StatusAccepted, nil)
	}))
	loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
		if resp, _ := s.Do("POST", "/", ""); resp.StatusCode != 202 {
			t.Fatalf("status %d", resp.StatusCode)
		}
		s.Close() // the request is over
		release <- struct{}{}
		if got := <-said; got != "ada <nil>" {
			t.Errorf("the work saw %q", got)
		}
	})
	if err := jobs.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestGoLimit: above the limit a request gets 503 and its work does not run; later
// requests run again.
func TestGoLimit(t *testing.T) {
	jobs := background.New(background.Config{MaxRunning: 1})
	release := make(chan struct{})
	var ran atomic.Int32
	h := middleware.New(middleware.Config{Logger: slog.New(slog.DiscardHandler)})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := jobs.Go(r.Context(), "slow", func(context.Context) error { ran.Add(1); <-release; return nil }); err != nil {
			return err
		}
		return reply.Send(w, r, http.StatusAccepted, nil)
	}))
	s := loopback.Serve(t, h)
	if resp, _ := s.Do("POST", "/", ""); resp.StatusCode != 202 {
		t.Errorf("the first: %d", resp.StatusCode)
	}
	resp, text := s.Do("POST", "/", "")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "5" || text != `{"title":"Service Unavailable","status":503,"detail":"Please try again later"}` {
		t.Errorf("the second: %d %v %s", resp.StatusCode, resp.Header, text)
	}
	release <- struct{}{}
	for resp, _ = s.Do("POST", "/", ""); resp.StatusCode == 503; resp, _ = s.Do("POST", "/", "") {
		runtime.Gosched() // the first is about to leave
	}
	close(release)
	if err := jobs.Shutdown(t.Context()); err != nil || ran.Load() != 2 {
		t.Errorf("%d ran, %v", ran.Load(), err)
	}
	if resp, _ := s.Do("POST", "/", ""); resp.StatusCode != 503 || ran.Load() != 2 {
		t.Errorf("after Shutdown: %d, %d ran", resp.StatusCode, ran.Load())
	}
}

// TestGoErrorsAndPanics: an error and a panic are logged, and other work goes on.
func TestGoErrorsAndPanics(t *testing.T) {
	var log bytes.Buffer
	jobs := background.New(background.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for name, work := range map[string]func(context.Context) error{
		"mail":  func(context.Context) error { return errors.New("no route to host") },
		"thumb": func(context.Context) error { panic("index out of range") },
		"audit": func(context.Context) error { return nil },
		"exit":  func(context.Context) error { runtime.Goexit(); return nil },
	} {
		if err := jobs.Go(t.Context(), name, work); err != nil {
			t.Fatal(err)
		}
	}
	if err := jobs.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := log.String()
	if strings.Count(got, "level=ERROR") != 2 || !strings.Contains(got, `work=mail error="no route to host"`) ||
		!strings.Contains(got, `work=thumb value="index out of range" stack=`) || !strings.Contains(got, "background_test.go") {
		t.Errorf("the log has:\n%s", got)
	}
}

// TestGoContexts: the context is canceled after the timeout, or when Shutdown gives up, with a cause.
func TestGoContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := background.New(background.Config{Timeout: time.Hour})
		start := time.Now()
		waits := func(until time.Duration, cause error) func(context.Context) error {
			return func(ctx context.Context) error {
				<-ctx.Done()
				if !errors.Is(context.Cause(ctx), cause) || time.Since(start) != until {
					t.Errorf("ended after %v by %v, want %v and %v", time.Since(start), context.Cause(ctx), until, cause)
				}
				return nil
			}
		}
		request, over := context.WithCancel(t.Context())
		jobs.Go(request, "slow", waits(time.Hour, context.DeadlineExceeded))
		over()
		time.Sleep(59 * time.Minute)
		jobs.Go(t.Context(), "late", waits(time.Hour+9*time.Minute, background.ErrShutdown))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := jobs.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if err := jobs.Shutdown(t.Context()); err != nil { // the rest has ended
			t.Errorf("Shutdown again: %v", err)
		}
	})
}

// TestShutdownStorm: all work that Go has accepted is done when Shutdown returns, in any interleaving.
func TestShutdownStorm(t *testing.T) {
	for range 200 {
		jobs := background.New(background.Config{MaxRunning: 8, Logger: slog.New(slog.DiscardHandler)})
		var accepted, done atomic.Int64
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				for range 20 {
					if jobs.Go(t.Context(), "work", func(context.Context) error { runtime.Gosched(); done.Add(1); return nil }) == nil {
						accepted.Add(1)
					}
				}
			})
		}
		for range 2 {
			callers.Go(func() {
				if err := jobs.Shutdown(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if accepted.Load() != done.Load() {
			t.Fatalf("%d accepted, %d done", accepted.Load(), done.Load())
		}
	}
}

func Example() {
	jobs := background.New(background.Config{})
	mux := http.NewServeMux()
	mux.Handle("POST /api/orders", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		item := r.FormValue("item")
		err := jobs.Go(r.Context(), "mail", func(ctx context.Context) error {
			fmt.Println("mailed:", item)
			return nil
		})
		if err != nil {
			return err
		}
		return reply.JSON(w, r, http.StatusAccepted, map[string]string{"ordered": item})
	}))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/api/orders?item=tea", nil))
	err := jobs.Shutdown(context.Background()) // after that of the server
	fmt.Println(w.Code, w.Body, err)
	// Output:
	// mailed: tea
	// 202 {"ordered":"tea"} <nil>
}
