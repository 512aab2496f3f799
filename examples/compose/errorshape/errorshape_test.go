package errorshape_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/errorshape"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type note struct {
	Title string `json:"title" validate:"required,max=5"`
}

// service has every piece of the kit that sends errors, with the hook on each.
func service(t *testing.T) http.Handler {
	t.Helper()
	onError := errorshape.OnError
	quiet := slog.New(slog.DiscardHandler)
	handler := func(fn reply.HandlerFunc) http.Handler { return reply.Handler(fn, onError) }

	chain := middleware.Chain(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 100},
		MaxDuration: 5 * time.Second,
		OnError:     onError,
		Logger:      quiet,
	})
	full := hub.New(hub.Config{MaxSubscribers: 1, OnError: onError, Logger: quiet})
	go full.Serve(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), hub.Subscription{Topics: []string{"a"}})
	for full.Stats().Subscribers == 0 {
		time.Sleep(time.Millisecond)
	}
	t.Cleanup(func() { full.Shutdown(context.Background()) })
	other := redirect.NewAllowList("https://example.com")

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/notes": chain.Then(middleware.Methods{
			"POST": bind.HandlerWith(bind.Config{Strict: true}, func(w http.ResponseWriter, r *http.Request, in note) error {
				return reply.JSON(w, r, http.StatusCreated, in)
			}),
		}),
		"/notes/[id]": handler(func(w http.ResponseWriter, r *http.Request) error {
			return reply.NewError(http.StatusNotFound, "No such note").WithCause(errors.New("sql: no rows"))
		}),
		"/busy": handler(func(w http.ResponseWriter, r *http.Request) error {
			return reply.NewError(http.StatusServiceUnavailable, "").WithHeader("Retry-After", "3")
		}),
		"/unencodable": handler(func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(w, r, http.StatusOK, func() {})
		}),
		"/fails":  handler(func(w http.ResponseWriter, r *http.Request) error { return errors.New("disk on fire") }),
		"/panics": chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) { panic("on fire") }),
		"/raw": alice.New(bodyparser.New(bodyparser.Config{Raw: true, Limit: 10, OnError: onError})).Then(
			handler(func(w http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				return err
			})),
		"/signed": alice.New(bodyparser.New(bodyparser.Config{
			Verify:  bodyparser.VerifyHMAC("X-Signature", "", []byte("key")),
			OnError: onError,
		})).Then(handler(func(w http.ResponseWriter, r *http.Request) error { return nil })),
		"/slow": middleware.TimeoutWith(middleware.TimeoutConfig{
			Duration: 20 * time.Millisecond, RetryAfter: time.Second, OnError: onError, Logger: quiet,
		})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })),
		"/big": middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
			Limit: 1 * bytesize.KB, Action: middleware.LimitAbort, OnError: onError, Logger: quiet,
		})(handler(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, http.StatusOK, strings.Repeat("x", 2000))
		})),
		"/upload": handler(func(w http.ResponseWriter, r *http.Request) error {
			_, err := upload.Form(w, r, upload.Config{}, nil)
			return err
		}),
		"/next": handler(func(w http.ResponseWriter, r *http.Request) error {
			return other.To(w, r, pattern.Query(r).Get("to"))
		}),
		"/events": stream.Handler(stream.Config{OnError: onError, Logger: quiet}, func(s *stream.Stream) error {
			return reply.NewError(http.StatusConflict, "Not now")
		}),
		"/feed": handler(func(w http.ResponseWriter, r *http.Request) error {
			return full.Serve(w, r, hub.Subscription{Topics: []string{"a"}})
		}),
	}, pattern.HandlerConfig{OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	return routes
}

// TestOnErrorOfEveryPiece tests all client errors and server errors.
func TestOnErrorOfEveryPiece(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	h := service(t)
	const (
		jsonType = "application/json"
		formType = "application/x-www-form-urlencoded"
	)
	tests := []struct {
		method, path, ctype, body string
		status                    int
		message                   string
		header                    string // one field of the answer, "Name: value"
	}{
		{"POST", "/notes", jsonType, `{"title":`, 400, "Invalid JSON", ""},
		{"POST", "/notes", jsonType, `{"title":7}`, 400, "title must be a string", ""},
		{"POST", "/notes", jsonType, `{"title":"x","a":1}`, 400, "a is not a field of this request", ""},
		{"POST", "/notes", formType, `title=%zz`, 400, "Invalid body", ""},
		{"POST", "/notes", jsonType, `{}`, 422, "title is required", ""},
		{"POST", "/notes", jsonType, `{"title":"` + strings.Repeat("x", 100) + `"}`, 413, "Body exceeded 100b limit", "Connection: close"},
		{"POST", "/notes", "text/plain", "x", 415, "Unsupported media type, want application/json, application/x-www-form-urlencoded, multipart/form-data", ""},
		{"POST", "/notes", jsonType + "; charset=klingon", "{}", 415, "Unsupported charset", ""},
		{"DELETE", "/notes", "", "", 405, "The methods of this resource are OPTIONS, POST", "Allow: OPTIONS, POST"},
		{"GET", "/notes/7", "", "", 404, "No such note", ""},
		{"GET", "/notes/%ff", "", "", 400, "Malformed path", ""},
		{"GET", "/nowhere", "", "", 404, "Not Found", ""},
		{"GET", "/busy", "", "", 503, "Service Unavailable", "Retry-After: 3"},
		{"GET", "/fails", "", "", 500, "Internal Server Error", ""},
		{"GET", "/unencodable", "", "", 500, "Internal Server Error", ""},
		{"GET", "/panics", "", "", 500, "Internal Server Error", ""},
		{"GET", "/slow", "", "", 504, "Gateway Timeout", "Retry-After: 1"},
		{"GET", "/big", "", "", 500, "Internal Server Error", ""},
		{"POST", "/raw", "text/plain", strings.Repeat("x", 50), 413, "Body exceeded 10b limit", ""},
		{"POST", "/signed", jsonType, "{}", 403, "Verification failed", ""},
		{"POST", "/upload", jsonType, "{}", 415, "Unsupported media type, want multipart/form-data", "Accept: multipart/form-data"},
		{"GET", "/next?to=https://evil.example/", "", "", 400, "Redirect target not allowed", ""},
		{"GET", "/events", "", "", 409, "Not now", ""},
		{"GET", "/feed", "", "", 503, "Service Unavailable", ""},
	}
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		for _, tt := range tests {
			t.Run(tt.method+" "+tt.path, func(t *testing.T) {
				r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
				if tt.ctype != "" {
					r.Header.Set("Content-Type", tt.ctype)
				}
				resp := tr.Do(t, h, r)
				body := testkit.Body(t, resp)
				want := fmt.Sprintf(`{"error":%q}`, tt.message)
				if resp.StatusCode != tt.status || body != want {
					t.Errorf("%d %s, want %d %s", resp.StatusCode, body, tt.status, want)
				}
				if ctype := resp.Header.Get("Content-Type"); ctype != "application/json; charset=utf-8" {
					t.Errorf("Content-Type: %s", ctype)
				}
				if name, value, ok := strings.Cut(tt.header, ": "); ok && resp.Header.Get(name) != value &&
					!(name == "Connection" && (resp.Close || resp.ProtoMajor == 2)) {
					t.Errorf("%s: %s, want %s", name, resp.Header.Get(name), value)
				}
			})
		}
	})
}

// TestOnErrorUnknownLength: a body that turns out too large while the handler reads it
// is the same 413.
func TestOnErrorUnknownLength(t *testing.T) {
	client, base := testkit.HTTP1.Serve(t, service(t))
	resp, err := client.Post(base+"/raw", "text/plain", io.MultiReader(strings.NewReader(strings.Repeat("x", 50))))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body := testkit.Body(t, resp); resp.StatusCode != 413 || body != `{"error":"Request Entity Too Large"}` {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestNextJS: handlers have their form, and the kit has the words of Next.js.
func TestNextJS(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	create := func(w http.ResponseWriter, r *http.Request, in note) error {
		switch in.Title {
		case "taken":
			return fmt.Errorf("saving: %w", reply.NewError(http.StatusConflict, "That title is taken"))
		case "fire":
			return errors.New("disk on fire")
		}
		return reply.JSON(w, r, http.StatusCreated, in)
	}
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/notes": middleware.New(middleware.Config{BodyParser: bodyparser.Config{Limit: 100}})(
			middleware.Methods{"POST": bind.Handler(create)}),
	}, pattern.HandlerConfig{OnError: errorshape.NextJS})
	if err != nil {
		t.Fatal(err)
	}
	const plain, object = "text/plain; charset=utf-8", "application/json; charset=utf-8"
	for _, tt := range []struct {
		method, path, body string
		status             int
		ctype, want        string
	}{
		{"POST", "/notes", `{"title":"a"}`, 201, object, `{"title":"a"}`},
		{"POST", "/notes", `{"title":"taken"}`, 409, object, `{"error":"That title is taken"}`},
		{"POST", "/notes", `{"title":""}`, 400, object, `{"error":"title is required"}`},
		{"POST", "/notes", `{"title":7}`, 400, object, `{"error":"title must be a string"}`},
		{"POST", "/notes", `{"title":"fire"}`, 500, plain, "Internal Server Error"},
		{"POST", "/notes", `{"title":`, 400, plain, "Invalid JSON"},
		{"POST", "/notes", `{"title":"` + strings.Repeat("x", 100) + `"}`, 413, plain, "Body exceeded 100b limit"},
		{"PUT", "/notes", "{}", 405, plain, "The methods of this resource are OPTIONS, POST"},
		{"GET", "/nowhere", "", 404, plain, "Not Found"},
	} {
		r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := strings.TrimSpace(w.Body.String())
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.ctype || got != tt.want {
			t.Errorf("%s %s %s: %d %s %s, want %d %s %s", tt.method, tt.path, tt.body,
				w.Code, w.Header().Get("Content-Type"), got, tt.status, tt.ctype, tt.want)
		}
	}
}
