package fromgin_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/fromgin"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

var quiet = slog.New(slog.DiscardHandler)

// engine is gin with its recoverer, silent.
func engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(gin.RecoveryWithWriter(io.Discard))
	return e
}

func expect(t *testing.T, s *loopback.Server, method, path, body string, status int, text string, fields ...string) *http.Response {
	t.Helper()
	resp, got := s.Do(method, path, body, fields...)
	if resp.StatusCode != status || got != text {
		t.Errorf("%s %s: %d %q, want %d %q", method, path, resp.StatusCode, got, status, text)
	}
	return resp
}

// TestGinPathValue: Handler passes the parameters and the route, gin.WrapH does not.
func TestGinPathValue(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Pattern, r.PathValue("id"), r.PathValue("path"))
	})
	type request struct {
		ID   int    `path:"id"`
		Page int    `query:"page"`
		Name string `json:"name"`
	}
	typed := bind.Func(func(r *http.Request, in request) (request, error) { return in, nil })
	e := engine()
	e.GET("/wrapped/:id/*path", gin.WrapH(show))
	e.GET("/users/:id/*path", fromgin.Handler(show))
	e.PUT("/users/:id", fromgin.Handler(typed))
	e.GET("/query/:id", fromgin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, pattern.Query(r)) // the query string; the route is gin's
	})))
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/wrapped/7/a/b", "", 200, "  ")
		expect(t, s, "GET", "/users/7/a/b", "", 200, "/users/:id/*path 7 a/b")
		expect(t, s, "GET", "/query/7?page=2", "", 200, "map[page:[2]]")
		expect(t, s, "PUT", "/users/7?page=2", `{"name":"Ada"}`, 200, `{"ID":7,"Page":2,"name":"Ada"}`, "Content-Type: application/json")
		resp, _ := s.Do("PUT", "/users/seven", `{}`, "Content-Type: application/json")
		if resp.StatusCode != 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("a path that is no number: %d %v", resp.StatusCode, resp.Header)
		}
	})
}

// TestKitInsideGin: the functions of the kit in handlers of gin.
func TestKitInsideGin(t *testing.T) {
	type user struct {
		Name string `json:"name" form:"name" validate:"required"`
	}
	e := engine()
	e.Use(fromgin.Middleware(bodyparser.New(bodyparser.Config{})))
	e.POST("/users", func(c *gin.Context) {
		in, err := bind.Body[user](c.Request)
		if err != nil {
			reply.Problem(c.Writer, c.Request, err)
			return
		}
		reply.JSON(c.Writer, c.Request, http.StatusCreated, in)
	})
	e.GET("/events", func(c *gin.Context) {
		s, err := stream.SSE(c.Writer, c.Request, stream.Config{})
		if err != nil {
			reply.Problem(c.Writer, c.Request, err)
			return
		}
		s.Send(stream.Event{Data: "one"})
	})
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		const json, form = "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded"
		expect(t, s, "POST", "/users", `{"name":"Ada"}`, 201, `{"name":"Ada"}`, json)
		expect(t, s, "POST", "/users", `name=Ada`, 201, `{"name":"Ada"}`, form)
		if resp, text := s.Do("POST", "/users", `{"name":""}`, json); resp.StatusCode != 422 || !strings.Contains(text, `"path":"/name"`) {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
		if resp, _ := s.Do("POST", "/users", strings.Repeat(" ", 1<<20+1), json); resp.StatusCode != 413 {
			t.Errorf("too large: %d", resp.StatusCode)
		}
		expect(t, s, "GET", "/events", "", 200, "data: one\n\n")
	})
}

// TestMiddlewareSeesOutput: the output of gin's own methods goes through the middleware, and is
// the same as without one.
func TestMiddlewareSeesOutput(t *testing.T) {
	var logged []string
	for _, name := range []string{"bare", "pieces"} {
		e := gin.New()
		e.Use(func(c *gin.Context) {
			c.Next()
			logged = append(logged, fmt.Sprint(c.Writer.Status()))
		}, gin.RecoveryWithWriter(io.Discard))
		if name == "pieces" {
			e.Use(fromgin.Middleware(middleware.New(middleware.Config{Logger: quiet})))
		}
		e.GET("/json", func(c *gin.Context) { c.Status(500); c.JSON(201, gin.H{"written": c.Writer.Written()}) })
		e.GET("/none", func(c *gin.Context) { c.Status(204) })
		e.GET("/silent", func(c *gin.Context) {})
		e.GET("/away", func(c *gin.Context) { c.Redirect(303, "/json") })
		e.GET("/stop", func(c *gin.Context) { c.AbortWithStatus(403) }, func(c *gin.Context) { c.String(200, "passed") })
		e.GET("/string", func(c *gin.Context) { c.Writer.WriteString("size "); c.String(200, "%d", c.Writer.Size()) })
		e.GET("/stream", func(c *gin.Context) {
			c.Stream(func(w io.Writer) bool { io.WriteString(w, "one"); return false })
		})
		e.GET("/users/:id", func(c *gin.Context) { c.String(200, c.Param("id")) })
		logged = nil
		loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
			expect(t, s, "GET", "/json", "", 201, `{"written":false}`)
			expect(t, s, "GET", "/none", "", 204, "")
			expect(t, s, "GET", "/silent", "", 200, "")
			if resp := expect(t, s, "GET", "/away", "", 303, "<a href=\"/json\">See Other</a>.\n\n"); resp.Header.Get("Location") != "/json" {
				t.Errorf("%s: %v", name, resp.Header)
			}
			expect(t, s, "GET", "/stop", "", 403, "")
			expect(t, s, "GET", "/string", "", 200, "size 5")
			expect(t, s, "GET", "/stream", "", 200, "one")
			expect(t, s, "GET", "/users/7", "", 200, "7")
			expect(t, s, "GET", "/unknown", "", 404, "404 page not found")
			s.Close()
			const want = "201 204 200 303 403 200 200 200 404"
			if got := strings.Join(logged, " "); got != want {
				t.Errorf("%s: a logger outside sees %s, want %s", name, got, want)
			}
			logged = nil
		})
	}
}

// TestMiddlewareRefusals: a request that a piece rejects does not reach the handlers inside, and
// the kit responds to a panic of a gin handler.
func TestMiddlewareRefusals(t *testing.T) {
	ran := false
	e := engine()
	e.Use(fromgin.Middleware(middleware.New(middleware.Config{BodyParser: bodyparser.Config{Limit: 4}, Logger: quiet})))
	e.POST("/", func(c *gin.Context) {
		ran = true
		body, err := io.ReadAll(c.Request.Body)
		if err != nil {
			t.Error(err)
		}
		if string(body) == "boom" {
			panic("on purpose")
		}
		c.String(200, "%s", body)
	})
	loopback.Both(t, e, func(t *testing.T, s *loopback.Server) {
		const text = "Content-Type: text/plain"
		ran = false
		resp, _ := s.Do("POST", "/", "12345", text)
		if resp.StatusCode != 413 || ran {
			t.Errorf("five bytes: %d, the handler ran: %t", resp.StatusCode, ran)
		}
		expect(t, s, "POST", "/", "1234", 200, "1234", text)
		expect(t, s, "POST", "/", "boom", 500, `{"title":"Internal Server Error","status":500}`, text)
	})
}

// TestTimeoutAroundGin: around the engine, Timeout responds at the deadline even if the
// handler ignores its context, over both protocols.
func TestTimeoutAroundGin(t *testing.T) {
	release := make(chan struct{})
	e := engine()
	e.GET("/slow/:id", func(c *gin.Context) {
		<-release
		c.String(200, c.Param("id"))
	})
	limited := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: quiet})(e)
	loopback.Both(t, limited, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/slow/7", "", 504, `{"title":"Gateway Timeout","status":504}`)
		release <- struct{}{}
	})
}

// TestCutResponseThroughGin: a partial response does not look complete. That of a kit handler is cut
// although gin.Recovery hides from net/http the panic that aborts a connection. That
// of a gin handler that panics is cut if the kit's Recover is around the engine,
// without gin's.
func TestCutResponseThroughGin(t *testing.T) {
	routes := func(e *gin.Engine) *gin.Engine {
		e.GET("/kit", fromgin.Handler(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			return io.ErrUnexpectedEOF
		})))
		e.GET("/gin", func(c *gin.Context) {
			c.Writer.WriteString("half")
			c.Writer.Flush()
			panic("on purpose")
		})
		return e
	}
	for _, tt := range []struct {
		name, path string
		service    http.Handler
		cut        bool
	}{
		{"gin.Recovery", "/kit", routes(engine()), true},
		{"gin.Recovery", "/gin", routes(engine()), false},
		{"middleware.Recover", "/gin", middleware.Recover(quiet)(routes(gin.New())), true},
	} {
		loopback.Both(t, tt.service, func(t *testing.T, s *loopback.Server) {
			text, err := io.ReadAll(s.Open("GET", tt.path, "").Body)
			if string(text) != "half" || (err != nil) != tt.cut {
				t.Errorf("%s, %s: the response is %q and ends with %v", tt.name, tt.path, text, err)
			}
		})
	}
}

// TestRoutesMovedFromGin: routes on a mux are served there, and all others by gin.
func TestRoutesMovedFromGin(t *testing.T) {
	old := engine()
	old.GET("/users/:id", func(c *gin.Context) { c.String(200, "gin %s", c.Param("id")) })
	old.POST("/users", func(c *gin.Context) { c.String(200, "gin") })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "mux %s", r.PathValue("id"))
	})
	mux.Handle("/", old)
	loopback.Both(t, mux, func(t *testing.T, s *loopback.Server) {
		expect(t, s, "GET", "/users/7", "", 200, "mux 7")
		expect(t, s, "POST", "/users", "", 200, "gin")
		expect(t, s, "DELETE", "/users/7", "", 404, "404 page not found")
	})
}
