package main

import (
	_ "embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream/hub"
)

//go:embed page.html
var page string

//go:embed page.js
var script string

// webhookSecret would come from the environment. It is here, and on the page,
// so that the page can sign a delivery.
const webhookSecret = "it is a demo"

// A blog is what the handlers share.
type blog struct {
	posts *posts
	feed  *hub.Hub
	pages *cache.Cache // made by routes, which it asks for pages
	log   *slog.Logger
}

func newBlog(log *slog.Logger) *blog {
	return &blog{posts: newPosts(), feed: hub.New(hub.Config{Logger: log}), log: log}
}

// routes is the whole service: the routes of Next.js under /api/, in the same
// ServeMux as ordinary ones.
func (b *blog) routes() http.Handler {
	mux := http.NewServeMux()
	b.pages = newPages(mux)
	mux.Handle("/api/", b.api())
	mux.Handle("GET /blog/{id}", b.pages.Middleware(reply.HandlerFunc(b.render)))
	mux.HandleFunc("GET /{$}", home)
	mux.HandleFunc("GET /page.js", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		reply.Send(w, r, http.StatusOK, script)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "ok")
	})
	return mux
}

// api has the routes of Next.js. The test of api.ts reads the types of its handlers.
func (b *blog) api() *pattern.Handler {
	// Next's `export const config`, once for every route. An empty one is the
	// default of Next.js: bodies up to 1 MB, a warning above 4 MB.
	api := middleware.Chain(middleware.Config{WarnUnresolved: true, Logger: b.log})

	// What one route needs beyond that goes inside: the innermost limit holds.
	quick := alice.New(middleware.Timeout(time.Second))
	small := alice.New(middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
		Limit:  64 * bytesize.KB,
		Action: middleware.LimitAbort,
		Logger: b.log,
	}))

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts":            api.Then(b.collection()),
		"/api/post/[pid]":       api.Then(bind.Func(b.post)),
		"/api/post/[...slug]":   api.ThenFunc(archive),
		"/api/docs/[[...slug]]": api.ThenFunc(docs),
		"/api/contact":          api.Then(middleware.Methods{"POST": reply.HandlerFunc(contact)}),
		"/api/theme":            api.Then(theme()),
		"/api/slow":             api.Extend(quick).Then(reply.HandlerFunc(slow)),
		"/api/big":              api.Extend(small).Then(reply.HandlerFunc(big)),
		"/api/feed":             api.Then(middleware.Methods{"GET": announces(b.feed.Handler("posts"))}),
		"/api/revalidate":       api.Then(middleware.Methods{"POST": revalidate(b.pages)}),

		// `bodyParser: false`: the signature is of the raw bytes.
		"/api/webhook": middleware.New(middleware.Config{
			BodyParser: bodyparser.Config{Raw: true},
			Logger:     b.log,
		})(middleware.Methods{"POST": reply.HandlerFunc(webhook)}),
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err) // two routes of the list above contradict each other
	}

	return routes
}

func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	reply.Send(w, r, http.StatusOK, page)
}
