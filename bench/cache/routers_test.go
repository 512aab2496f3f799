package cache_test

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v5"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
)

var long = flag.Bool("long", false, "the long forms: over the loopback interface, again and again")

// The places of a cache.
const (
	around = "around the router"
	within = "in its chain"
	group  = "in the chain of a group"
	single = "around one handler"
)

// A page responds with the parameter of its route, which it reads after some work: by
// then a router that reuses its context may have served another request.
const work = 10 * time.Millisecond

func answerWith(w http.ResponseWriter, id func() string) {
	time.Sleep(work)
	io.WriteString(w, id())
}

func page(param func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answerWith(w, func() string { return param(r) })
	})
}

func pathValue(r *http.Request) string { return r.PathValue("id") }

// routers put a cache into each of their places.
var routers = []struct {
	name string
	at   func(place string, pages *cache.Cache) http.Handler
}{
	{"http.ServeMux", func(place string, pages *cache.Cache) http.Handler {
		outer, inner := http.NewServeMux(), http.NewServeMux()
		h := page(pathValue)
		if place == single {
			h = pages.Middleware(h)
		}
		inner.Handle("GET /page/{id}", h)
		switch place {
		case around:
			return pages.Middleware(inner)
		case within:
			outer.Handle("/", pages.Middleware(inner))
			return outer
		case group:
			outer.Handle("/page/", pages.Middleware(inner))
			return outer
		}
		return inner
	}},
	{"pattern.Handler", func(place string, pages *cache.Cache) http.Handler {
		h := page(pathValue)
		if place == single {
			h = pages.Middleware(h)
		}
		inner, err := pattern.NewHandler(map[string]http.Handler{"/page/[id]": h}, pattern.HandlerConfig{})
		if err != nil {
			panic(err)
		}
		outer := http.NewServeMux()
		switch place {
		case around:
			return pages.Middleware(inner)
		case within:
			outer.Handle("/", pages.Middleware(inner))
			return outer
		case group:
			inner.Register(outer)
			return pages.Middleware(outer)
		}
		return inner
	}},
	{"chi", func(place string, pages *cache.Cache) http.Handler {
		r := chi.NewRouter()
		h := page(func(r *http.Request) string { return chi.URLParam(r, "id") })
		switch place {
		case around:
			r.Method("GET", "/page/{id}", h)
			return pages.Middleware(r)
		case within:
			r.Use(pages.Middleware)
			r.Method("GET", "/page/{id}", h)
		case group:
			r.With(pages.Middleware).Method("GET", "/page/{id}", h)
		case single:
			r.Method("GET", "/page/{id}", pages.Middleware(h))
		}
		return r
	}},
	{"gorilla/mux", func(place string, pages *cache.Cache) http.Handler {
		r := mux.NewRouter()
		h := page(func(r *http.Request) string { return mux.Vars(r)["id"] })
		switch place {
		case around:
			r.Handle("/page/{id}", h)
			return pages.Middleware(r)
		case within:
			r.Use(pages.Middleware)
			r.Handle("/page/{id}", h)
		case group:
			sub := r.PathPrefix("/page").Subrouter()
			sub.Use(pages.Middleware)
			sub.Handle("/{id}", h)
		case single:
			r.Handle("/page/{id}", pages.Middleware(h))
		}
		return r
	}},
	{"echo", func(place string, pages *cache.Cache) http.Handler {
		e := echo.New()
		e.Logger = slog.New(slog.DiscardHandler)
		h := func(c *echo.Context) error {
			answerWith(c.Response(), func() string { return c.Param("id") })
			return nil
		}
		use := echo.WrapMiddleware(pages.Middleware)
		switch place {
		case around:
			e.GET("/page/:id", h)
			return pages.Middleware(e)
		case within:
			e.Use(use)
			e.GET("/page/:id", h)
		case group:
			e.Group("/page", use).GET("/:id", h)
		case single:
			e.GET("/page/:id", echo.WrapHandler(pages.Middleware(page(pathValue))))
		}
		return e
	}},
	{"gin", func(place string, pages *cache.Cache) http.Handler {
		e := gin.New()
		h := func(c *gin.Context) { answerWith(c.Writer, func() string { return c.Param("id") }) }
		use := ginMiddleware(pages.Middleware)
		switch place {
		case around:
			e.GET("/page/:id", h)
			return pages.Middleware(e)
		case within:
			e.Use(use)
			e.GET("/page/:id", h)
		case group:
			e.Group("/page", use).GET("/:id", h)
		case single:
			e.GET("/page/:id", func(c *gin.Context) {
				h := page(func(*http.Request) string { return c.Param("id") })
				pages.Middleware(h).ServeHTTP(c.Writer, c.Request)
			})
		}
		return e
	}},
}

// ginMiddleware adapts a net/http middleware to gin, which has no adapter: the rest
// of gin's chain is the handler inside.
func ginMiddleware(m func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		ran := false
		m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ran = true
			writer, request := c.Writer, c.Request
			defer func() { c.Writer, c.Request = writer, request }()
			c.Writer, c.Request = &ginWriter{ResponseWriter: c.Writer, to: w}, r
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !ran {
			c.Abort()
		}
	}
}

// A ginWriter lets a gin handler write to the writer of a middleware.
type ginWriter struct {
	gin.ResponseWriter
	to http.ResponseWriter
}

func (w *ginWriter) Header() http.Header               { return w.to.Header() }
func (w *ginWriter) WriteHeader(status int)            { w.to.WriteHeader(status) }
func (w *ginWriter) Write(p []byte) (int, error)       { return w.to.Write(p) }
func (w *ginWriter) WriteString(s string) (int, error) { return io.WriteString(w.to, s) }

// tally counts the responses to the clients of one cell.
type tally struct{ wrong, failed, stale atomic.Int64 }

// TestRouters requests pages that are fresh for 30 ms repeatedly, 96 requests at
// once, from a cache in each place of each router, with an Origin for revalidation
// and without. Every response is that of the requested page, and some are stale, so
// that pages were revalidated.
func TestRouters(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	if testing.Verbose() {
		defer out.Flush()
	}
	for _, r := range routers {
		for _, place := range []string{around, within, group, single} {
			for _, origin := range []bool{false, true} {
				name := r.name + " " + place
				if origin {
					name += " with Origin"
				}
				cell := func(t *testing.T, tr testkit.Transport) {
					var got tally
					requests := ask(t, tr, r.at, place, origin, &got)
					fmt.Fprintf(out, "%s\t%s\twrong %d of %d\tfailed %d\tstale %d\n", name, tr.Name,
						got.wrong.Load(), requests, got.failed.Load(), got.stale.Load())
					if got.wrong.Load() != 0 || got.failed.Load() != 0 {
						t.Errorf("%d wrong pages, %d failures in %d requests", got.wrong.Load(), got.failed.Load(), requests)
					}
					if got.stale.Load() == 0 {
						t.Error("no stale response: nothing was renewed")
					}
				}
				t.Run(name, func(t *testing.T) {
					if *long {
						testkit.Run(t, testkit.Wire(), cell)
					} else {
						synctest.Test(t, func(t *testing.T) { cell(t, testkit.Recorder) })
					}
				})
			}
		}
	}
}

const (
	differentPages = 8
	readersOfEach  = 12
)

// ask sends the requests of a cell, and returns how many.
func ask(t *testing.T, tr testkit.Transport, at func(string, *cache.Cache) http.Handler, place string, origin bool, got *tally) (requests int) {
	var site http.Handler
	cfg := cache.Config{
		Lifetime:     cache.Lifetime{TTL: 30 * time.Millisecond, StaleWhileRevalidate: time.Hour},
		StatusHeader: "X-Cache",
		Logger:       slog.New(slog.DiscardHandler),
	}
	if origin {
		cfg.Origin = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) })
	}
	pages := cache.New(cfg)
	site = at(place, pages)
	client, base := tr.Serve(t, site)
	rounds := 3
	if *long {
		rounds = 20
	}
	for range rounds {
		var wg sync.WaitGroup
		for i := range differentPages * readersOfEach {
			wg.Go(func() {
				id := fmt.Sprint("id", i%differentPages)
				resp, err := client.Get(base + "/page/" + id)
				if err != nil {
					got.failed.Add(1)
					return
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				switch {
				case err != nil || resp.StatusCode != http.StatusOK:
					got.failed.Add(1)
				case string(body) != id:
					got.wrong.Add(1)
				}
				if resp.Header.Get("X-Cache") == "STALE" {
					got.stale.Add(1)
				}
			})
			requests++
		}
		wg.Wait()
		time.Sleep(2 * cfg.Lifetime.TTL)
	}
	if err := pages.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	return requests
}
