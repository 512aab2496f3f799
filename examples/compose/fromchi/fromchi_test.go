package fromchi_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	chimw "github.com/go-chi/chi/v5/middleware"

	"github.com/apiece/apiece/examples/compose/fromchi"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/middlewaretest"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

var quiet = slog.New(slog.DiscardHandler)

func expect(t *testing.T, s *loopback.Server, method, path, body string, status int, text string, fields ...string) *http.Response {
	t.Helper()
	resp, got := s.Do(method, path, body, fields...)
	if resp.StatusCode != status || strings.TrimSpace(got) != text {
		t.Errorf("%s %s: %d %q, want %d %q", method, path, resp.StatusCode, got, status, text)
	}
	return resp
}

// TestNotesService: the service of docs/from-chi.md.
func TestNotesService(t *testing.T) {
	const asJSON = "Content-Type: application/json"
	h := fromchi.Notes(map[string]fromchi.Note{"7": {ID: "7", Text: "milk"}}, time.Minute)
	loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
		tag := expect(t, s, "GET", "/notes/7", "", 200, `{"id":"7","text":"milk"}`).Header.Get("ETag")
		expect(t, s, "GET", "/notes/7", "", 304, "", "If-None-Match: "+tag)
		expect(t, s, "GET", "/notes/8", "", 404, "no such note")
		expect(t, s, "PUT", "/notes/7", `{"text":"bread"}`, 200, `{"id":"7","text":"bread"}`, asJSON)
		if resp, _ := s.Do("PUT", "/notes/7", strings.Repeat(" ", 1025), asJSON); resp.StatusCode != 413 {
			t.Errorf("1025 bytes: %d", resp.StatusCode)
		}
		if resp, _ := s.Do("DELETE", "/notes/7", ""); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" {
			t.Errorf("DELETE: %d %v", resp.StatusCode, resp.Header)
		}
		expect(t, s, "GET", "/unknown", "", 404, `{"title":"Not Found","status":404}`)
	})
}

// TestChiPathValue: chi sets its parameters and its route on the request. In a mounted
// router the route is the full one, and a catch-all is "*".
func TestChiPathValue(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern, " ", r.PathValue("id"), " ", r.PathValue("*"), " ", pattern.Query(r).Get("id"))
	}
	inner := chi.NewRouter()
	inner.Get("/{id}", show)
	inner.Get("/{id}/files/*", show)
	r := chi.NewRouter()
	r.Mount("/users", inner)
	loopback.Both(t, r, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/users/7", "", 200, "/users/{id} 7  7")
		expect(t, s, "GET", "/users/7/files/a/b", "", 200, "/users/{id}/files/* 7 a/b 7")
	})
}

// TestChiUseIsTransparent: in r.Use and around the router, the pieces hide no feature from a handler.
func TestChiUseIsTransparent(t *testing.T) {
	kit := middleware.New(middleware.Config{Logger: quiet})
	mount := func(h http.Handler, use ...func(http.Handler) http.Handler) http.Handler {
		r := chi.NewRouter()
		r.Use(use...)
		r.Handle("/*", h)
		return r
	}
	t.Run("around", func(t *testing.T) {
		middlewaretest.Run(t, func(h http.Handler) http.Handler { return kit(mount(h)) }, "http1/pattern", "http2/pattern")
	})
	t.Run("use", func(t *testing.T) {
		middlewaretest.Run(t, func(h http.Handler) http.Handler { return mount(h, kit) }, "http1/pattern", "http2/pattern")
	})
}

// TestTimeoutAroundChi: around the router, Timeout responds at the deadline even if the
// handler ignores its context, over both protocols. chi's own Timeout waits for the
// handler.
func TestTimeoutAroundChi(t *testing.T) {
	release := make(chan struct{})
	r := chi.NewRouter()
	r.Get("/slow/{id}", func(w http.ResponseWriter, r *http.Request) {
		<-release
		io.WriteString(w, chi.URLParam(r, "id"))
	})
	limited := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: quiet})(r)
	loopback.Both(t, limited, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/slow/7", "", 504, `{"title":"Gateway Timeout","status":504}`)
		release <- struct{}{}
	})

	own := chi.NewRouter()
	own.Use(chimw.Timeout(time.Nanosecond))
	own.Get("/slow", func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // ignored
		io.WriteString(w, "late")
	})
	loopback.Both(t, own, func(t *testing.T, s *loopback.Server) { expect(t, s, "GET", "/slow", "", 200, "late") })
}

// TestCutResponseThroughChi: a partial response does not look complete, with chi's recoverer around it.
func TestCutResponseThroughChi(t *testing.T) {
	r := chi.NewRouter()
	r.Use(chimw.Recoverer)
	r.Method("GET", "/", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		return io.ErrUnexpectedEOF
	}))
	loopback.Both(t, r, func(t *testing.T, s *loopback.Server) {
		if text, err := io.ReadAll(s.Open("GET", "/", "").Body); string(text) != "half" || err == nil {
			t.Errorf("the response is %q and ends with %v", text, err)
		}
	})
}

// TestRoutesMovedFromChi: routes on a mux are served there, and all others by chi.
func TestRoutesMovedFromChi(t *testing.T) {
	old := chi.NewRouter()
	old.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "chi "+chi.URLParam(r, "id")) })
	old.Post("/users", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "chi") })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "mux "+r.PathValue("id")) })
	mux.Handle("/", old)
	loopback.Both(t, mux, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/users/7", "", 200, "mux 7")
		expect(t, s, "POST", "/users", "", 200, "chi")
		expect(t, s, "DELETE", "/users/7", "", 405, "")
	})
}
