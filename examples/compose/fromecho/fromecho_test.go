package fromecho_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v5"
	echomw "github.com/labstack/echo/v5/middleware"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/fromecho"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

var quiet = slog.New(slog.DiscardHandler)

func newEcho() *echo.Echo {
	e := echo.New()
	e.Logger = quiet
	return e
}

func expect(t *testing.T, s *loopback.Server, method, path, body string, status int, text string, fields ...string) {
	t.Helper()
	resp, got := s.Do(method, path, body, fields...)
	if resp.StatusCode != status || strings.TrimSpace(got) != text {
		t.Errorf("%s %s: %d %q, want %d %q", method, path, resp.StatusCode, got, status, text)
	}
}

const asJSON = "Content-Type: application/json"

// TestEchoPathValue: echo.WrapHandler passes the parameters and the route.
func TestEchoPathValue(t *testing.T) {
	e := newEcho()
	e.GET("/users/:id/*", echo.WrapHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Pattern, " ", r.PathValue("id"), " ", r.PathValue("*"), " ", pattern.Query(r))
	})))
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/users/7/a/b?page=2", "", 200, "/users/:id/* 7 a/b map[page:[2]]")
	})
}

// TestErrorHandlerStatus: echo uses the status of the kit's errors, and ErrorHandler also the
// public message. A server error is logged.
func TestErrorHandlerStatus(t *testing.T) {
	for name, want := range map[string]string{
		"echo": `409 {"message":"Conflict"}` + `418 {"message":"teapot"}` + `404 {"message":"Not Found"}` + `500 {"message":"Internal Server Error"}`,
		"kit": `409 {"title":"Conflict","status":409,"detail":"taken"}` + `418 {"title":"I'm a teapot","status":418,"detail":"teapot"}` +
			`404 {"title":"Not Found","status":404}` + `500 {"title":"Internal Server Error","status":500}`,
	} {
		e := newEcho()
		if name == "kit" {
			e.HTTPErrorHandler = fromecho.ErrorHandler
		}
		e.GET("/kit", func(c *echo.Context) error { return reply.NewError(409, "taken") })
		e.GET("/echo", func(c *echo.Context) error { return echo.NewHTTPError(418, "teapot") })
		e.GET("/other", func(c *echo.Context) error { return errors.New("secret") })
		e.GET("/sent", func(c *echo.Context) error { return errors.Join(c.String(200, "sent"), errors.New("too late")) })
		var log bytes.Buffer
		h := middleware.New(middleware.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})(e)
		loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
			var got strings.Builder
			for _, path := range []string{"/kit", "/echo", "/unknown", "/other"} {
				resp, text := s.Do("GET", path, "")
				fmt.Fprint(&got, resp.StatusCode, " ", strings.TrimSpace(text))
			}
			if got.String() != want {
				t.Errorf("%s: %s", name, &got)
			}
			expect(t, s, "GET", "/sent", "", 200, "sent")
			s.Close()
			if n := strings.Count(log.String(), "secret"); (n == 1) != (name == "kit") {
				t.Errorf("%s: %d records:\n%s", name, n, &log)
			}
			log.Reset()
		})
	}
}

// TestKitInsideEcho: the functions of the kit in handlers of echo.
func TestKitInsideEcho(t *testing.T) {
	type user struct {
		Name string `json:"name" form:"name" validate:"required"`
	}
	e := newEcho()
	e.HTTPErrorHandler = fromecho.ErrorHandler
	e.Use(fromecho.Middleware(bodyparser.New(bodyparser.Config{})))
	e.POST("/users", func(c *echo.Context) error {
		in, err := bind.Body[user](c.Request())
		if err != nil {
			return err
		}
		return reply.JSON(c.Response(), c.Request(), http.StatusCreated, in)
	})
	e.GET("/events", func(c *echo.Context) error {
		s, err := stream.SSE(c.Response(), c.Request(), stream.Config{})
		if err != nil {
			return err
		}
		return s.Send(stream.Event{Data: "one"})
	})
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "POST", "/users", `{"name":"Ada"}`, 201, `{"name":"Ada"}`, asJSON)
		expect(t, s, "POST", "/users", `name=Ada`, 201, `{"name":"Ada"}`, "Content-Type: application/x-www-form-urlencoded")
		if resp, text := s.Do("POST", "/users", `{"name":""}`, asJSON); resp.StatusCode != 422 || !strings.Contains(text, `"path":"/name"`) {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
		if resp, _ := s.Do("POST", "/users", strings.Repeat(" ", 1<<20+1), asJSON); resp.StatusCode != 413 {
			t.Errorf("too large: %d", resp.StatusCode)
		}
		expect(t, s, "GET", "/events", "", 200, "data: one")
	})
}

// TestMiddlewareSeesErrors: the middleware sees the response to an error of a handler. With
// echo.WrapMiddleware it has returned by then.
func TestMiddlewareSeesErrors(t *testing.T) {
	for name, wrap := range map[string]func(func(http.Handler) http.Handler) echo.MiddlewareFunc{"echo": echo.WrapMiddleware, "here": fromecho.Middleware} {
		seen, outside := 0, error(nil)
		e := newEcho()
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error { outside = next(c); return outside }
		}, wrap(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := &statusWriter{ResponseWriter: w}
				next.ServeHTTP(s, r)
				seen = s.status
			})
		}))
		taken := reply.NewError(409, "taken")
		e.GET("/", func(c *echo.Context) error { return taken })
		loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
			expect(t, s, "GET", "/", "", 409, `{"message":"Conflict"}`)
			if want := map[string]int{"echo": 0, "here": 409}[name]; seen != want || outside != taken {
				t.Errorf("%s: the middleware saw %d, the layer outside %v", name, seen, outside)
			}
		})
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestMiddlewareRefusals: a request that a piece rejects does not reach the handler, and echo's
// own binder can read others.
func TestMiddlewareRefusals(t *testing.T) {
	ran := false
	e := newEcho()
	e.Use(fromecho.Middleware(middleware.New(middleware.Config{BodyParser: bodyparser.Config{Limit: 16}, Logger: quiet})))
	e.POST("/", func(c *echo.Context) error {
		ran = true
		var in struct{ Name string }
		if err := c.Bind(&in); err != nil {
			return err
		}
		if in.Name == "boom" {
			panic("on purpose")
		}
		return c.String(200, in.Name)
	})
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		ran = false
		if resp, _ := s.Do("POST", "/", `{"name": "longer"}`, asJSON); resp.StatusCode != 413 || ran {
			t.Errorf("%d, the handler ran: %t", resp.StatusCode, ran)
		}
		expect(t, s, "POST", "/", `{"name": "Ada"}`, 200, "Ada", asJSON)
		expect(t, s, "POST", "/", `{"name":"boom"}`, 500, `{"title":"Internal Server Error","status":500}`, asJSON)
	})
}

// TestTimeoutAroundEcho: around echo, Timeout responds at the deadline even if the handler
// ignores its context, over both protocols. echo's own ContextTimeout waits for the
// handler.
func TestTimeoutAroundEcho(t *testing.T) {
	release := make(chan struct{})
	e := newEcho()
	e.GET("/slow/:id", func(c *echo.Context) error {
		<-release
		return c.String(200, c.Param("id"))
	})
	limited := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: quiet})(e)
	loopback.Both(t, limited, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/slow/7", "", 504, `{"title":"Gateway Timeout","status":504}`)
		release <- struct{}{}
	})

	own := newEcho()
	own.Use(echomw.ContextTimeout(time.Nanosecond))
	own.GET("/slow", func(c *echo.Context) error {
		<-c.Request().Context().Done() // ignored
		return c.String(200, "late")
	})
	loopback.Both(t, own, func(t *testing.T, s *loopback.Server) { expect(t, s, "GET", "/slow", "", 200, "late") })
}

// TestCutResponseThroughEcho: a partial response does not look complete, with echo's recoverer around it.
func TestCutResponseThroughEcho(t *testing.T) {
	e := newEcho()
	e.Use(echomw.Recover())
	e.GET("/", echo.WrapHandler(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		return io.ErrUnexpectedEOF
	})))
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		if text, err := io.ReadAll(s.Open("GET", "/", "").Body); string(text) != "half" || err == nil {
			t.Errorf("the response is %q and ends with %v", text, err)
		}
	})
}

// TestRoutesMovedFromEcho: routes on a mux are served there, and all others by echo.
func TestRoutesMovedFromEcho(t *testing.T) {
	old := newEcho()
	old.GET("/users/:id", func(c *echo.Context) error { return c.String(200, "echo "+c.Param("id")) })
	old.POST("/users", func(c *echo.Context) error { return c.String(200, "echo") })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "mux ", r.PathValue("id")) })
	mux.Handle("/", old)
	loopback.Both(t, mux, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/users/7", "", 200, "mux 7")
		expect(t, s, "POST", "/users", "", 200, "echo")
		expect(t, s, "DELETE", "/users/7", "", 405, `{"message":"Method Not Allowed"}`)
	})
}
