package cors_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/cors"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

const app = "https://app.example"

// service is an API with every error that the kit responds to.
func service() http.Handler {
	type note struct {
		Text string `json:"text" validate:"required"`
	}
	cfg := middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 64},
		MaxDuration: time.Minute,
		Logger:      slog.New(slog.DiscardHandler),
	}
	mux := http.NewServeMux()
	mux.Handle("/notes", middleware.Methods{
		"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Add("Vary", "Accept-Language")
			return reply.JSON(w, r, 200, []note{})
		}),
		"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, n note) error {
			return reply.JSON(w, r, 201, n)
		}),
	})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		_ = middleware.Extend(r, 0) // the time is up
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	return cors.Chain(cfg, app).Then(mux)
}

// TestAllowOnErrors: a page at an allowed origin can read every error response of the kit,
// and a page elsewhere cannot.
func TestAllowOnErrors(t *testing.T) {
	const json = "Content-Type: application/json"
	tests := []struct {
		method, path, ctype, body string
		status                    int
	}{
		{"GET", "/notes", "", "", 200},
		{"POST", "/notes", json, `{"text":"x"}`, 201},
		{"POST", "/notes", json, `{`, 400},
		{"GET", "/nowhere", "", "", 404},
		{"PUT", "/notes", json, `{}`, 405},
		{"POST", "/slow", "", "", 405}, // by ServeMux, the one before by Methods
		{"POST", "/notes", json, `{"text":"` + strings.Repeat("x", 64) + `"}`, 413},
		{"POST", "/notes", "Content-Type: image/png", "x", 415},
		{"POST", "/notes", json, `{"text":""}`, 422},
		{"GET", "/panic", "", "", 500},
		{"GET", "/slow", "", "", 504},
	}
	loopback.Both(t, service(), func(t *testing.T, s *loopback.Server) {
		for _, tt := range tests {
			for origin, want := range map[string]string{app: app, "https://evil.example": ""} {
				resp, body := s.Do(tt.method, tt.path, tt.body, "Origin: "+origin, tt.ctype)
				h := resp.Header
				if resp.StatusCode != tt.status || h.Get("Access-Control-Allow-Origin") != want {
					t.Errorf("%s %s from %s: %d %v %s, want %d for %q", tt.method, tt.path, origin, resp.StatusCode, h, body, tt.status, want)
				}
				if allowed := h.Get("Access-Control-Allow-Credentials") == "true"; allowed != (want != "") {
					t.Errorf("%s %s from %s: credentials allowed: %t", tt.method, tt.path, origin, allowed)
				}
				// Without it a shared cache would serve one origin's response to another.
				if !strings.Contains(strings.Join(h["Vary"], ", "), "Origin") {
					t.Errorf("%s %s from %s: Vary is %q", tt.method, tt.path, origin, h["Vary"])
				}
			}
		}
	})
}

// TestAllowOrigins: only origins on the list are allowed. No other origin is reflected,
// not even a similar one.
func TestAllowOrigins(t *testing.T) {
	s := loopback.Serve(t, service())
	for _, origin := range []string{
		"null", "https://evil.example", "http://app.example", "https://app.example:8443",
		"https://app.example.evil.example", "https://evilapp.example", "https://app.example@evil.example",
		"https://sub.app.example", "*", "",
	} {
		resp, _ := s.Do("GET", "/notes", "", "Origin: "+origin)
		if got, ok := resp.Header["Access-Control-Allow-Origin"]; ok || resp.StatusCode != 200 {
			t.Errorf("Origin %q: %d, allowed %q", origin, resp.StatusCode, got)
		}
		resp, _ = s.Do("OPTIONS", "/notes", "", "Origin: "+origin, "Access-Control-Request-Method: POST")
		if got, ok := resp.Header["Access-Control-Allow-Origin"]; ok {
			t.Errorf("preflight from %q: %d, allowed %q", origin, resp.StatusCode, got)
		}
	}
}

// TestAllowPreflight: cors responds to a preflight, and the API to a plain OPTIONS.
func TestAllowPreflight(t *testing.T) {
	s := loopback.Serve(t, service())
	resp, _ := s.Do("OPTIONS", "/notes", "", "Origin: "+app, "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type")
	h := resp.Header
	if resp.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != app || h.Get("Access-Control-Allow-Methods") != "PUT" ||
		h.Get("Access-Control-Allow-Headers") != "content-type" || h.Get("Access-Control-Max-Age") != "600" || h.Get("Allow") != "" {
		t.Errorf("preflight: %d %v", resp.StatusCode, h)
	}
	for why, field := range map[string]string{"method": "Access-Control-Request-Method: TRACE", "header": "Access-Control-Request-Headers: x-secret"} {
		fields := []string{"Origin: " + app, field}
		if why == "header" {
			fields = append(fields, "Access-Control-Request-Method: PUT")
		}
		if resp, _ := s.Do("OPTIONS", "/notes", "", fields...); resp.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("preflight for a %s that is not listed: %v", why, resp.Header)
		}
	}
	for _, fields := range [][]string{nil, {"Origin: " + app}} {
		resp, _ := s.Do("OPTIONS", "/notes", "", fields...)
		if resp.StatusCode != 204 || resp.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" || resp.Header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("plain OPTIONS with %q: %d %v", fields, resp.StatusCode, resp.Header)
		}
	}
}

// TestAllowVary: the Vary fields of all layers are merged, on errors too.
func TestAllowVary(t *testing.T) {
	s := loopback.Serve(t, service())
	resp, _ := s.Do("GET", "/notes", "", "Origin: "+app)
	if got := strings.Join(resp.Header["Vary"], ", "); got != "Origin, Accept-Language" {
		t.Errorf("Vary: %s", got)
	}
}

func TestAllowBadOrigins(t *testing.T) {
	for _, origins := range [][]string{
		nil, {""}, {"*"}, {"null"}, {"https://*.example"}, {"app.example"}, {"https://app.example/"},
		{"https://app.example", "ftp://app.example"}, {"https://user@app.example"}, {"HTTPS://app.example"},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q: no panic", origins)
				}
			}()
			cors.Allow(origins...)
		}()
	}
}

func Example() {
	mux := http.NewServeMux()
	mux.Handle("/notes", middleware.Methods{
		"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, note struct{ Text string }) error {
			return reply.JSON(w, r, 201, note)
		}),
	})
	api := cors.Chain(middleware.Config{BodyParser: bodyparser.Config{Limit: 16}}, "https://app.example").Then(mux)

	for _, origin := range []string{"https://app.example", "https://evil.example"} {
		r := httptest.NewRequest("POST", "/notes", strings.NewReader(`{"text":"rather long"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Printf("%s: %d, readable by %q\n", origin, w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// https://app.example: 413, readable by "https://app.example"
	// https://evil.example: 413, readable by ""
}
