package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// A site is a cache before one handler, with a count of its runs.
type site struct {
	*cache.Cache
	http.Handler
	runs atomic.Int64
	log  testkit.Log
}

// newSite puts a cache of cfg before h. A nil h responds with the number of the run.
func newSite(cfg cache.Config, h http.HandlerFunc) *site {
	s := &site{}
	if cfg.Logger == nil {
		cfg.Logger = s.log.Logger()
	}
	s.Cache = cache.New(cfg)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		n := s.runs.Add(1)
		if h == nil {
			fmt.Fprint(w, "run ", n)
			return
		}
		h(w, r)
	})
	s.Handler = s.Middleware(mux)
	return s
}

func forAnHour() cache.Config { return cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}} }

// request makes a request with header fields written as "Name: value".
func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	return r
}

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *site) get(target string, fields ...string) *httptest.ResponseRecorder {
	return s.do(request("GET", target, fields...))
}

// shows fails the test unless the response to a GET has the body and the Cache-Status.
func (s *site) shows(t *testing.T, target, body, status string, fields ...string) {
	t.Helper()
	w := s.get(target, fields...)
	if got := w.Header().Get("Cache-Status"); w.Body.String() != body || got != status {
		t.Errorf("%s %q: %d %q (%s), want %q (%s)", target, fields, w.Code, w.Body, got, body, status)
	}
}
