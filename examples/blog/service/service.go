// Package service is the demo: a small blog that uses most pieces of the kit. It has
// Next.js routes with typed requests and responses, forms, uploads, cookies, a signed
// webhook, server-sent events, cached pages, a timeout and a response limit, and one
// page that tries them all.
//
// New returns an ordinary http.Handler for your own server. [Config] says where
// posts, events and cached pages are stored: in this process, or in stores that
// several processes share, as in examples/cluster.
package service

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream/hub"

	"github.com/apiece/apiece/bodyparser/bind"
)

// Config says where a Service stores its data. The zero Config is for one process.
type Config struct {
	// Feed delivers the events. Nil creates a hub in this process.
	Feed *hub.Hub

	// Posts stores the posts. Nil stores them in memory, starting with two posts.
	Posts Posts

	// Pages has the Store, Generations and Locker of the cached pages. Its Lifetime is replaced.
	Pages cache.Config

	// Logger gets the log records. Nil is slog.Default.
	Logger *slog.Logger
}

// A Service is the blog.
type Service struct {
	posts   Posts
	feed    *hub.Hub
	pages   *cache.Cache
	log     *slog.Logger
	handler http.Handler
}

// New returns a Service. Call its Shutdown instead of the Shutdown of the server.
func New(cfg Config) *Service {
	s := &Service{posts: cfg.Posts, feed: cfg.Feed, log: cfg.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.feed == nil {
		s.feed = hub.New(hub.Config{Logger: s.log})
	}
	if s.posts == nil {
		s.posts = newMemory(s.feed)
	}
	s.handler = s.routes(cfg.Pages)
	return s
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Shutdown stops the server, which accepts no connection from then on. Event streams
// end while requests finish, which http.Server.Shutdown alone would wait for. What is
// left when ctx is done is cut. Background revalidation then has 5 seconds of its own.
func (s *Service) Shutdown(ctx context.Context, server *http.Server) error {
	streams := make(chan error, 1)
	server.RegisterOnShutdown(func() { streams <- s.feed.Shutdown(ctx) })
	err := errors.Join(server.Shutdown(ctx), <-streams, server.Close()) // in this order

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, s.pages.Shutdown(last))
}

// routes is the complete service: the Next.js routes under /api/, in the same
// ServeMux as other routes.
func (s *Service) routes(pages cache.Config) http.Handler {
	mux := http.NewServeMux()
	s.pages = newPages(pages, mux)
	mux.Handle("/api/", s.api())
	mux.Handle("GET /blog/{id}", s.pages.Middleware(reply.HandlerFunc(s.render)))
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /page.js", script)
	mux.Handle("GET /source/{name}", reply.HandlerFunc(source))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "ok")
	})
	return mux
}

// api has the Next.js routes. The test of api.ts reads the types of its handlers.
func (s *Service) api() *pattern.Handler {
	// `export const config` of Next.js, once for all routes. The zero value is the
	// default of Next.js: bodies up to 1 MB, a warning above 4 MB.
	api := middleware.Chain(middleware.Config{WarnUnresolved: true, Logger: s.log})

	// Settings of one route go inside: the innermost limit applies.
	quick := alice.New(middleware.Timeout(time.Second))
	small := alice.New(middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
		Limit:  64 * bytesize.KB,
		Action: middleware.LimitAbort,
		Logger: s.log,
	}))

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts":            api.Then(s.collection()),
		"/api/post/[pid]":       api.Then(s.item()),
		"/api/post/[...slug]":   api.ThenFunc(archive),
		"/api/docs/[[...slug]]": api.ThenFunc(docs),
		"/api/contact":          api.Then(middleware.Methods{"POST": reply.HandlerFunc(contact)}),
		"/api/upload":           api.Then(middleware.Methods{"POST": bind.FuncWith(uploads, s.upload)}),
		"/api/theme":            api.Then(theme()),
		"/api/slow":             api.Extend(quick).Then(reply.HandlerFunc(slow)),
		"/api/big":              api.Extend(small).Then(reply.HandlerFunc(big)),
		"/api/feed":             api.Then(middleware.Methods{"GET": s.events()}),
		"/api/revalidate":       api.Then(middleware.Methods{"POST": revalidate(s.pages)}),

		// `bodyParser: false`: the signature is of the raw bytes.
		"/api/webhook": middleware.New(middleware.Config{
			BodyParser: bodyparser.Config{Raw: true},
			Logger:     s.log,
		})(middleware.Methods{"POST": reply.HandlerFunc(webhook)}),
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err) // the list above has conflicting routes
	}
	return routes
}
