package session_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/session"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A site is a service with sessions. Its handlers write to the session and then
// respond in every way.
type site struct {
	sessions *scs.SessionManager
	late     chan struct{} // blocks a handler past its deadline
	left     chan struct{} // receives when that handler is done
}

func newSite() *site {
	store := memstore.NewWithCleanupInterval(0) // without a goroutine that outlives the test
	s := &site{session.New(), make(chan struct{}), make(chan struct{})}
	s.sessions.Store = store
	return s
}

func (s *site) routes() http.Handler {
	put := func(r *http.Request, value string) { s.sessions.Put(r.Context(), "last", value) }
	mux := http.NewServeMux()
	mux.Handle("GET /last", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 200, s.sessions.GetString(r.Context(), "user")+" "+s.sessions.GetString(r.Context(), "last"))
	}))
	mux.Handle("POST /login", bind.Handler(func(w http.ResponseWriter, r *http.Request, in struct {
		Name string `json:"name" validate:"required"`
		Next string `json:"next"`
	}) error {
		if err := session.SignIn(s.sessions, r, in.Name); err != nil {
			return err
		}
		return redirect.Local(w, r, in.Next, "/")
	}))
	mux.Handle("POST /logout", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.sessions.Destroy(r.Context()); err != nil {
			return err
		}
		return reply.Send(w, r, 204, nil)
	}))
	mux.Handle("GET /json", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		put(r, "json")
		return reply.JSON(w, r, 200, "json")
	}))
	mux.Handle("GET /error", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		put(r, "error")
		return reply.NewError(409, "Conflict")
	}))
	mux.HandleFunc("GET /panic", func(w http.ResponseWriter, r *http.Request) {
		put(r, "panic")
		panic("on purpose")
	})
	mux.HandleFunc("GET /silent", func(w http.ResponseWriter, r *http.Request) { put(r, "silent") })
	mux.HandleFunc("GET /flush", func(w http.ResponseWriter, r *http.Request) {
		put(r, "flush")
		w.(http.Flusher).Flush()
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		put(r, "slow")
		_ = middleware.Extend(r, 0) // the time is up
		<-s.late
		put(r, "too late")
		io.WriteString(w, "too late")
		s.left <- struct{}{}
	})
	mux.Handle("GET /events", stream.Handler(stream.Config{}, func(out *stream.Stream) error {
		put(out.Request(), "begun")
		if err := out.Send(stream.Event{Data: "one"}); err != nil {
			return err
		}
		select {
		case <-s.late:
		case <-out.Context().Done():
		}
		put(out.Request(), "ended")
		return out.Send(stream.Event{Data: "two"})
	}))
	return session.Chain(s.sessions, middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 64},
		MaxDuration: time.Minute,
		Logger:      slog.New(slog.DiscardHandler),
	}).Then(mux)
}

// cookie returns the Cookie field that a browser sends after the response, "" if the
// response sets no session.
func cookie(resp *http.Response) string {
	for _, c := range resp.Cookies() {
		if c.Name == "__Host-session" && c.Secure && c.HttpOnly && c.Path == "/" && c.Value != "" {
			return "Cookie: " + c.Name + "=" + c.Value
		}
	}
	return ""
}

const form = "Content-Type: application/x-www-form-urlencoded"

// TestSessionCookieOnResponses: every response has the cookie, from any layer, and the next request
// has the session data of the handler.
func TestSessionCookieOnResponses(t *testing.T) {
	loopback.Both(t, newSite().routes(), func(t *testing.T, s *loopback.Server) {
		for _, tt := range []struct {
			path   string
			status int
			last   string
		}{
			{"/json", 200, "json"},
			{"/error", 409, "error"},
			{"/panic", 500, "panic"},
			{"/silent", 200, "silent"},
			{"/flush", 200, "flush"},
		} {
			resp, body := s.Do("GET", tt.path, "")
			mine := cookie(resp)
			if resp.StatusCode != tt.status || mine == "" || !strings.Contains(resp.Header.Get("Vary"), "Cookie") {
				t.Errorf("%s: %d %v %s", tt.path, resp.StatusCode, resp.Header, body)
				continue
			}
			if _, last := s.Do("GET", "/last", "", mine); last != " "+tt.last {
				t.Errorf("after %s: the session has %q", tt.path, last)
			}
		}
		if _, last := s.Do("GET", "/last", ""); last != " " {
			t.Errorf("a stranger gets %q", last)
		}
	})
}

// TestSessionLogin: the session survives a redirect and an error response, and the login
// changes its token.
func TestSessionLogin(t *testing.T) {
	s := loopback.Serve(t, newSite().routes())
	resp, _ := s.Do("GET", "/json", "")
	before := cookie(resp)
	resp, body := s.Do("POST", "/login", "name=ada&next=/last", before, form)
	after := cookie(resp)
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/last" || after == "" || after == before {
		t.Fatalf("login: %d %v %s", resp.StatusCode, resp.Header, body)
	}
	if _, last := s.Do("GET", "/last", "", after); last != "ada json" {
		t.Errorf("behind the redirect: %q", last)
	}
	if _, last := s.Do("GET", "/last", "", before); last != " " {
		t.Errorf("the token from before the login is good for %q", last)
	}

	resp, body = s.Do("POST", "/login", "name="+strings.Repeat("x", 64), after, form)
	if resp.StatusCode != 413 || cookie(resp) != after {
		t.Errorf("too large: %d %v %s", resp.StatusCode, resp.Header, body)
	}
	if _, last := s.Do("GET", "/last", "", after); last != "ada json" {
		t.Errorf("after the 413: %q", last)
	}

	resp, _ = s.Do("POST", "/logout", "", after)
	if c := resp.Cookies(); resp.StatusCode != 204 || len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", resp.StatusCode, resp.Header)
	}
	if _, last := s.Do("GET", "/last", "", after); last != " " {
		t.Errorf("after the logout: %q", last)
	}
}

// TestSessionTimeout: the 504 is the kit's, is sent while the handler runs, and has the session cookie.
func TestSessionTimeout(t *testing.T) {
	site := newSite()
	loopback.Both(t, site.routes(), func(t *testing.T, s *loopback.Server) {
		resp, _ := s.Do("GET", "/slow", "")
		mine := cookie(resp)
		if resp.StatusCode != 504 || mine == "" {
			t.Errorf("%d %v", resp.StatusCode, resp.Header)
		}
		site.late <- struct{}{}
		<-site.left
		if _, last := s.Do("GET", "/last", "", mine); last != " slow" {
			t.Errorf("the session has %q", last)
		}
	})
}

// TestSessionInsideTimeout: inside the Timeout, scs does not see the 504, and the visitor loses the session.
func TestSessionInsideTimeout(t *testing.T) {
	site := newSite()
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site.sessions.Put(r.Context(), "last", "slow")
		<-r.Context().Done()
	})
	timeout := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	for inside, h := range map[bool]http.Handler{false: site.sessions.LoadAndSave(timeout(slow)), true: timeout(site.sessions.LoadAndSave(slow))} {
		loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
			if resp, _ := s.Do("GET", "/", ""); resp.StatusCode != 504 || (cookie(resp) == "") != inside {
				t.Errorf("inside %t: %d %v", inside, resp.StatusCode, resp.Header)
			}
		})
	}
}

// TestSessionStream: events arrive one at a time, and the session is saved with the first.
func TestSessionStream(t *testing.T) {
	site := newSite()
	loopback.Both(t, site.routes(), func(t *testing.T, s *loopback.Server) {
		resp := s.Open("GET", "/events", "")
		lines := bufio.NewReader(resp.Body)
		if line, err := lines.ReadString('\n'); line != "data: one\n" {
			t.Fatalf("first %q, %v", line, err)
		}
		site.late <- struct{}{} // the handler is still there: the first event did not wait for it
		if rest, err := io.ReadAll(lines); string(rest) != "\ndata: two\n\n" {
			t.Fatalf("then %q, %v", rest, err)
		}
		if _, last := s.Do("GET", "/last", "", cookie(resp)); last != " begun" {
			t.Errorf("the session has %q; if it has the end now, say so in the package comment", last)
		}
	})
}

// broken is a store that is down.
type broken struct{ read, write error }

func (b broken) Find(string) ([]byte, bool, error)      { return nil, false, b.read }
func (b broken) Commit(string, []byte, time.Time) error { return b.write }
func (b broken) Delete(string) error                    { return b.write }

// TestSessionStoreDown: a store that is down is a complete 500 in the error format of the
// service, and a log record. After a failed write the handler still responds, which
// fails; on HTTP/2 that resets the stream.
func TestSessionStoreDown(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	down := errors.New("dial tcp: connection refused")
	for name, store := range map[string]broken{"read": {read: down}, "write": {write: down}} {
		site := newSite()
		site.sessions.Store = store
		loopback.Both(t, site.routes(), func(t *testing.T, s *loopback.Server) {
			resp := s.Open("GET", "/json", "", "Cookie: __Host-session=x")
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != 500 || string(body) != `{"title":"Internal Server Error","status":500}` {
				t.Errorf("%s: %d %v %s", name, resp.StatusCode, resp.Header, body)
			}
			if reset := name == "write" && resp.ProtoMajor == 2; (err != nil) != reset {
				t.Errorf("%s: the body ends with %v", name, err)
			}
			s.Close() // the handler is done, and so is the log
			if !strings.Contains(log.String(), down.Error()) {
				t.Errorf("%s: the log has %s", name, &log)
			}
			log.Reset()
		})
	}
}

func Example() {
	sessions := session.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /visits", func(w http.ResponseWriter, r *http.Request) {
		n := sessions.GetInt(r.Context(), "visits") + 1
		sessions.Put(r.Context(), "visits", n)
		reply.JSON(w, r, 200, map[string]int{"visits": n})
	})
	service := session.Chain(sessions, middleware.Config{}).Then(mux)

	var token string
	for range 3 {
		r := httptest.NewRequest("GET", "/visits", nil)
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: token})
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			token = c.Value
		}
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"visits":1}
	// 200 {"visits":2}
	// 200 {"visits":3}
}
