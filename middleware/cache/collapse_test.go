package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// together sends n requests at once and returns the responses.
func (s *site) together(n int, r func(i int) *http.Request) []*httptest.ResponseRecorder {
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer func() {
				if recover() != nil {
					answers[i] = httptest.NewRecorder()
					answers[i].Code = 0 // aborted
				}
			}()
			answers[i] = s.do(r(i))
		})
	}
	wg.Wait()
	return answers
}

func plain(int) *http.Request { return request("GET", "/") }

// TestSimultaneousRequests: how many runs and how much time fifty simultaneous requests
// cost when a run takes a second.
func TestSimultaneousRequests(t *testing.T) {
	second := func(fields ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			set(fields...)(w, r)
		}
	}
	language := func(i int) *http.Request {
		return request("GET", "/", "Accept-Language: "+[]string{"en", "de"}[i%2])
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		request func(int) *http.Request
		runs    int64
		time    time.Duration
		why     string
	}{
		{"stored", second(), plain, 1, time.Second, "one runs for all"},
		{"vary", second("Vary: Accept-Language"), language, 2, 2 * time.Second, "the second language is not known to be one until the first run ends, and then runs once"},
		{"private", second("Cache-Control: private"), plain, 50, 2 * time.Second, "not one after the other"},
		{"public with cookies", second("Cache-Control: public"), func(i int) *http.Request {
			return request("GET", "/", fmt.Sprint("Cookie: a=", i))
		}, 1, time.Second, "public is for those with cookies too"},
		{"cookies", second(), func(i int) *http.Request {
			return request("GET", "/", fmt.Sprint("Cookie: a=", i))
		}, 50, 2 * time.Second, "to each their own"},
		{"error", func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); w.WriteHeader(503) }, plain, 1, time.Second,
			"what cannot answer is not asked fifty times"},
		{"stream", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
		}, plain, 1, time.Second, "a response that is flushed has an end"},
		{"event stream", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
		}, plain, 50, time.Second, "a stream has none"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Second)
		}, plain, 50, 25 * time.Second, "and what has none for five seconds is a stream"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(forAnHour(), tt.handler)
				start := time.Now()
				for i, w := range s.together(50, tt.request) {
					want := tt.request(i).Header.Get("Accept-Language")
					if w.Code == 0 || w.Header().Get("Vary") == "" && want != "" {
						t.Errorf("%d %v", w.Code, w.Header())
					}
				}
				if runs, took := s.runs.Load(), time.Since(start); runs != tt.runs || took != tt.time {
					t.Errorf("%d runs in %v, want %d in %v: %s", runs, took, tt.runs, tt.time, tt.why)
				}
			})
		})
	}
}

// TestPrivateResponsesDoNotWait: once a route has proved private, no request waits for
// another.
func TestPrivateResponsesDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			w.Header().Set("Cache-Control", "private")
			io.WriteString(w, r.Header.Get("If-None-Match"))
		})
		for range 3 {
			s.get("/")
		}
		start := time.Now()
		for _, w := range s.together(20, func(int) *http.Request { return request("GET", "/", `If-None-Match: "1"`) }) {
			if w.Body.String() != `"1"` {
				t.Errorf("the handler did not get the request as it was: %q", w.Body)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestLeaderLeaves: the run goes on for the others.
func TestLeaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
				w.WriteHeader(499)
			case <-time.After(2 * time.Second):
				io.WriteString(w, "whole")
			}
		})
		ctx, leave := context.WithCancel(t.Context())
		go s.do(request("GET", "/").WithContext(ctx))
		synctest.Wait()
		go func() { time.Sleep(time.Second); leave() }()
		for _, w := range s.together(5, plain) {
			if w.Body.String() != "whole" {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
	})
}

// TestFollowerLeaves: a waiting request may be canceled.
func TestFollowerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second) })
		go s.get("/")
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if w := s.do(request("GET", "/").WithContext(ctx)); w.Code != 504 || time.Since(start) != time.Second {
			t.Errorf("%d after %v", w.Code, time.Since(start))
		}
		time.Sleep(5 * time.Second)
	})
}

// TestPanicOfLeader: all waiting requests get a response, the panic is the leader's, and
// the next request runs the handler again.
func TestPanicOfLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if broken {
				panic("broken")
			}
			io.WriteString(w, "good")
		})
		codes := map[int]int{}
		for _, w := range s.together(10, plain) {
			codes[w.Code]++
		}
		if codes[0] != 1 || codes[500] != 9 || s.runs.Load() != 1 {
			t.Errorf("answers %v after %d runs", codes, s.runs.Load())
		}
		broken = false
		if w := s.get("/"); w.Body.String() != "good" {
			t.Errorf("then %d %q", w.Code, w.Body)
		}
	})
}

// TestHandlerNeverResponds: a handler that never responds holds no client forever, not
// even if it ignores its context.
func TestHandlerNeverResponds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := forAnHour()
		cfg.FillTimeout = 2 * time.Second
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(10 * time.Second)
			io.WriteString(w, "late")
		})
		go s.get("/")
		synctest.Wait()
		start := time.Now()
		for _, w := range s.together(5, plain) {
			if w.Code != 504 {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("after %v", took)
		}
		time.Sleep(10 * time.Second)
		if w := s.get("/"); w.Body.String() != "late" || s.runs.Load() != 2 {
			t.Errorf("%q after %d runs: what came late must not be stored", w.Body, s.runs.Load())
		}
	})
}

// TestHandlerReturnsEmptyAfterTimeout: a handler that returns without a response after
// its timeout must not leave an empty page.
func TestHandlerReturnsEmptyAfterTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := forAnHour()
		cfg.FillTimeout = time.Second
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		})
		if w := s.get("/"); w.Code != 504 || s.log.Records() == nil {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}

// TestInvalidateDuringFill: a response whose tags were invalidated during the run is
// invalid.
func TestInvalidateDuringFill(t *testing.T) {
	for name, invalidate := range map[string]func(*site) error{
		"tag":  func(s *site) error { return s.InvalidateTag(context.Background(), "a") },
		"path": func(s *site) error { s.do(request("POST", "/")); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var data atomic.Value
				data.Store("old")
				s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
					if r.Method == "POST" {
						return
					}
					shown := data.Load().(string)
					time.Sleep(2 * time.Second)
					cache.Tag(r.Context(), "a")
					io.WriteString(w, shown)
				})
				before := make(chan string, 1)
				go func() { before <- s.get("/").Body.String() }()
				time.Sleep(time.Second)
				data.Store("new")
				if err := invalidate(s); err != nil {
					t.Fatal(err)
				}
				if w := s.get("/"); w.Body.String() != "new" {
					t.Errorf("a request after the invalidation was shown %q", w.Body)
				}
				<-before // got neither, since it came before
				if w := s.get("/"); w.Body.String() != "new" || !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
					t.Errorf("then %q (%s)", w.Body, w.Header().Get("Cache-Status"))
				}
			})
		})
	}
}

// TestVaryIsWidened: known Vary names are kept when others are added.
func TestVaryIsWidened(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		h := r.Header
		switch {
		case h.Get("X-Kind") == "lang":
			w.Header().Set("Vary", "x-kind, accept-language")
		default:
			w.Header().Set("Vary", "X-Kind")
			w.Header().Add("Vary", "Accept")
		}
		fmt.Fprint(w, h.Get("X-Kind"), h.Get("Accept-Language"), h.Get("Accept"))
	})
	for range 2 {
		for _, fields := range [][]string{
			{"X-Kind: lang", "Accept-Language: en"}, {"X-Kind: lang", "Accept-Language: de"},
			{"X-Kind: type", "Accept: a"}, {"X-Kind: type", "Accept: b"}, {},
		} {
			want := ""
			for _, f := range fields {
				_, value, _ := strings.Cut(f, ": ")
				want += value
			}
			if w := s.get("/", fields...); w.Body.String() != want {
				t.Errorf("%q got %q", fields, w.Body)
			}
		}
	}
	runs := s.runs.Load()
	s.get("/", "X-Kind: lang", "Accept-Language: en")
	s.get("/", "X-Kind: type", "Accept: b")
	if s.runs.Load() != runs || runs > 7 {
		t.Errorf("%d runs, and then %d: variants are not kept", runs, s.runs.Load())
	}
}

// TestEventStreamIsNotHeld: events arrive as they are sent, and the handler learns that
// the client is gone.
func TestEventStreamIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := newSite(cache.Config{Lifetime: lifetime, FillTimeout: 5 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for range 20 {
				fmt.Fprint(w, "data: x\n\n")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
					ended = true
					return
				}
			}
		})
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan *httptest.ResponseRecorder, 1)
		go func() { done <- s.do(request("GET", "/").WithContext(ctx)) }()
		time.Sleep(10*time.Second + time.Millisecond)
		leave()
		if w := <-done; w.Body.Len() != 11*len("data: x\n\n") || !ended {
			t.Errorf("%d bytes, told %t: FillTimeout is not for streams", w.Body.Len(), ended)
		}
	})
}
