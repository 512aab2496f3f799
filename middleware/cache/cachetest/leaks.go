package cachetest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Leaks runs nineteen checks as subtests, over HTTP/1.1 on loopback connections. Each
// makes a cache and puts it before a handler of its own. The cache should store responses
// without a stated lifetime for about a minute.
//
// Skip names subtests that the cache is known to fail.
func Leaks(t *testing.T, newCache func() func(http.Handler) http.Handler, skip ...string) {
	passed := 0
	for _, c := range leaks {
		t.Run(c.name, func(t *testing.T) {
			for _, s := range skip {
				if s == c.name {
					t.Skip("left out by the author")
				}
			}
			if err := c.find(t, newCache()); err != nil {
				t.Errorf("%v: %s", err, c.why)
				return
			}
			passed++
		})
	}
	t.Logf("%d of %d", passed, len(leaks))
}

// A leak is one known way for caches to fail.
type leak struct {
	name    string
	handler func(*site, http.ResponseWriter, *http.Request)
	check   func(*site) error
	why     string
}

// find returns the error that shows the leak in a cache, nil if there is none.
func (c leak) find(t *testing.T, cache func(http.Handler) http.Handler) error {
	s := &site{t: t}
	s.start(cache(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.runs.Add(1)
		c.handler(s, w, r)
	})))
	return c.check(s)
}

// Handlers of several checks.
var (
	greet = func(_ *site, w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "for %s%s", r.Header.Get("Authorization"), r.Header.Get("Cookie"))
	}
	numbered = func(s *site, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "run ", s.runs.Load()) }
)

// saying is numbered with a Cache-Control header.
func saying(cacheControl string) func(*site, http.ResponseWriter, *http.Request) {
	return func(s *site, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		numbered(s, w, r)
	}
}

// twice expects the handler to run for each of two equal requests.
func twice(s *site) error {
	_, first, err := s.get()
	if err != nil {
		return err
	}
	_, second, err := s.get()
	if err == nil && first == second {
		err = fmt.Errorf("both requests got %q", second)
	}
	return err
}

// apart expects each of two clients to get its own response.
func apart(field, one, two string) func(*site) error {
	return func(s *site) error {
		if _, body, err := s.get(field, one); err != nil || body != "for "+one {
			return fmt.Errorf("the first got %q, %v", body, err)
		}
		if _, body, err := s.get(field, two); err != nil || body != "for "+two {
			return fmt.Errorf("the second got %q, %v", body, err)
		}
		if _, body, err := s.get(); err != nil || body != "for " {
			return fmt.Errorf("a third, without, got %q, %v", body, err)
		}
		return nil
	}
}

var leaks = []leak{
	{"authorization", greet, apart("Authorization", "alice", "bob"), "what is made for one user is not for another (RFC 9111, section 3.5)"},
	{"cookie", greet, apart("Cookie", "user=alice", "user=bob"), "a session cookie is a credential too"},
	{"set-cookie", func(s *site, w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: strconv.FormatInt(s.runs.Load(), 10)})
	}, func(s *site) error {
		one, _, err := s.get()
		if err != nil {
			return err
		}
		two, _, err := s.get()
		if err == nil && two.Get("Set-Cookie") == one.Get("Set-Cookie") {
			err = fmt.Errorf("both clients got %q", two.Get("Set-Cookie"))
		}
		return err
	}, "or two clients share a session"},
	{"vary", func(_ *site, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept-Language")
		io.WriteString(w, "in "+r.Header.Get("Accept-Language"))
	}, func(s *site) error {
		for _, lang := range []string{"en", "de", "en"} {
			if _, body, err := s.get("Accept-Language", lang); err != nil || body != "in "+lang {
				return fmt.Errorf("a reader of %s got %q, %v", lang, body, err)
			}
		}
		return nil
	}, "the handler says what its response depends on"},
	{"no-store", saying("no-store"), twice, "the handler says so"},
	{"private", saying("private"), twice, "the handler says so, for shared caches"},
	{"no-cache", saying("no-cache"), twice, "not to be given without asking the handler"},
	{"max-age=0", saying("max-age=0"), twice, "stale when it is made"},
	{"part", func(_ *site, w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("0123456789"))
	}, func(s *site) error {
		if _, body, err := s.get("Range", "bytes=2-4"); err != nil || body != "234" {
			return fmt.Errorf("the part is %q, %v", body, err)
		}
		if _, body, err := s.get(); err != nil || body != "0123456789" {
			return fmt.Errorf("the whole is %q, %v", body, err)
		}
		if _, body, err := s.get("Range", "bytes=5-6"); err != nil || body != "56" {
			return fmt.Errorf("another part is %q, %v", body, err)
		}
		return nil
	}, "a part is no whole"},
	{"not modified", func(_ *site, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(w, r, "page.txt", time.Time{}, strings.NewReader("whole"))
	}, func(s *site) error {
		if _, body, err := s.get("If-None-Match", `"1"`); err != nil || body != "" {
			return fmt.Errorf("a client that has it got %q, %v", body, err)
		}
		if _, body, err := s.get(); err != nil || body != "whole" {
			return fmt.Errorf("a client that has nothing got %q, %v", body, err)
		}
		return nil
	}, "a 304 is for the client that has the rest"},
	{"concurrent misses", func(s *site, w http.ResponseWriter, r *http.Request) {
		time.Sleep(100 * time.Millisecond)
		numbered(s, w, r)
	}, func(s *site) error {
		const readers = 50
		if err := s.together(readers, "run 1"); err != nil {
			return err
		}
		if n := s.runs.Load(); n != 1 {
			return fmt.Errorf("%d runs for %d readers", n, readers)
		}
		return nil
	}, "a popular page that expires must not become a stampede"},
	{"leader leaves", func(s *site, w http.ResponseWriter, r *http.Request) {
		if s.runs.Load() == 1 {
			close(s.started())
		}
		select {
		case <-r.Context().Done():
			http.Error(w, "cancelled", http.StatusServiceUnavailable)
		case <-time.After(300 * time.Millisecond):
			io.WriteString(w, "whole")
		}
	}, func(s *site) error {
		started := s.started()
		ctx, leave := context.WithCancel(s.t.Context())
		defer leave()
		gone := make(chan error, 1)
		go func() { _, _, err := s.do(ctx, http.MethodGet); gone <- err }()
		<-started
		follower := make(chan error, 1)
		go func() {
			_, body, err := s.get()
			if err == nil && body != "whole" {
				err = fmt.Errorf("the follower got %q", body)
			}
			follower <- err
		}()
		time.Sleep(100 * time.Millisecond) // lets the follower queue, which cannot be observed from here
		leave()
		<-gone
		return <-follower
	}, "who waits for another's request must not suffer from the other's leaving"},
	{"panic", func(s *site, w http.ResponseWriter, r *http.Request) {
		if s.runs.Load() == 1 {
			panic("first")
		}
		numbered(s, w, r)
	}, func(s *site) error {
		_, _, _ = s.get()
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		defer cancel()
		_, body, err := s.do(ctx, http.MethodGet)
		if err == nil && body != "run 2" {
			err = fmt.Errorf("the next request got %q", body)
		}
		return err
	}, "one panic must not lock a page for good"},
	{"flush", func(s *site, w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			http.Error(w, err.Error(), 500)
		}
		select {
		case <-s.started(): // the client has received the first line
		case <-time.After(patience / 2):
			io.WriteString(w, "but nobody has heard the ")
		}
		io.WriteString(w, "second\n")
	}, func(s *site) error {
		resp, err := s.send(s.t.Context(), http.MethodGet)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		line := make([]byte, len("first\n"))
		if _, err := io.ReadFull(resp.Body, line); err != nil || string(line) != "first\n" {
			return fmt.Errorf("the client got %q, %v", line, err)
		}
		close(s.started())
		rest, err := io.ReadAll(resp.Body)
		if err == nil && string(rest) != "second\n" {
			err = fmt.Errorf("and then %q", rest)
		}
		return err
	}, "streams must work behind a cache"},
	{"delete", func(_ *site, w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method) },
		afterGet(http.MethodDelete), "the answer to GET is none to DELETE"},
	{"post", func(_ *site, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, time.Now().UnixNano()) },
		func(s *site) error {
			_, one, err := s.do(s.t.Context(), http.MethodPost)
			if err != nil {
				return err
			}
			_, two, err := s.do(s.t.Context(), http.MethodPost)
			if err == nil && (one == two || !strings.HasPrefix(two, http.MethodPost)) {
				err = fmt.Errorf("two requests got %q and %q", one, two)
			}
			return err
		}, "each POST does something"},
	{"host", func(_ *site, w http.ResponseWriter, r *http.Request) { io.WriteString(w, "https://"+r.Host+"/") },
		func(s *site) error {
			for _, host := range []string{"a.test", "b.test"} {
				if _, body, err := s.get("Host", host); err != nil || body != "https://"+host+"/" {
					return fmt.Errorf("a client of %s got %q, %v", host, body, err)
				}
			}
			return nil
		}, "or who makes up a host puts it into everybody's links"},
	{"server error", func(s *site, w http.ResponseWriter, r *http.Request) {
		if s.runs.Load() == 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		numbered(s, w, r)
	}, twice, "an accident must not last"},
	{"conditional hit", func(s *site, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		numbered(s, w, r)
	}, func(s *site) error {
		if _, _, err := s.get(); err != nil {
			return err
		}
		resp, err := s.send(s.t.Context(), http.MethodGet, "If-None-Match", `"0", W/"1"`)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotModified || s.runs.Load() != 1 {
			return fmt.Errorf("status %d after %d runs", resp.StatusCode, s.runs.Load())
		}
		return nil
	}, "who has the page need not be sent it, nor the handler be asked"},
}

// afterGet expects a method to get its own response although one to GET is stored.
func afterGet(method string) func(*site) error {
	return func(s *site) error {
		if _, body, err := s.get(); err != nil || body != http.MethodGet {
			return fmt.Errorf("GET got %q, %v", body, err)
		}
		if _, body, err := s.do(s.t.Context(), method); err != nil || body != method {
			return fmt.Errorf("%s got %q, %v", method, body, err)
		}
		return nil
	}
}

const patience = 5 * time.Second

// A site is the server and the clients of one check.
type site struct {
	t      *testing.T
	server *httptest.Server
	runs   atomic.Int64

	once   sync.Once
	signal chan struct{}
}

func (s *site) start(h http.Handler) {
	s.server = httptest.NewUnstartedServer(h)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.Start()
	s.t.Cleanup(s.server.Close)
}

// started signals one event between handlers and checks.
func (s *site) started() chan struct{} {
	s.once.Do(func() { s.signal = make(chan struct{}) })
	return s.signal
}

// send sends a request with the given header fields, as names and values.
func (s *site) send(ctx context.Context, method string, fields ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.server.URL+"/page", nil)
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "Host" {
			r.Host = fields[i+1]
			continue
		}
		r.Header.Set(fields[i], fields[i+1])
	}
	return s.server.Client().Do(r)
}

func (s *site) do(ctx context.Context, method string, fields ...string) (http.Header, string, error) {
	resp, err := s.send(ctx, method, fields...)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.Header, string(body), err
}

func (s *site) get(fields ...string) (http.Header, string, error) {
	return s.do(s.t.Context(), http.MethodGet, fields...)
}

// together sends n requests at once, and expects each to get the body want.
func (s *site) together(n int, want string) error {
	errs := make(chan error, n)
	for range n {
		go func() {
			_, body, err := s.get()
			if err == nil && body != want {
				err = fmt.Errorf("a reader got %q", body)
			}
			errs <- err
		}()
	}
	var first error
	for range n {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}
