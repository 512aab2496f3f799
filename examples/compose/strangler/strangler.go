// Package strangler ports a Next.js API to Go one route at a time: this service takes
// the address of the old one, serves the ported routes, and proxies everything else
// unchanged, pages included.
//
//	old, err := strangler.Old(strangler.Config{Base: "http://localhost:3000"})
//	routes, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/posts":       strangler.Partly(middleware.Methods{"GET": list}, old),
//		"/api/post/[pid]":  api.Then(post),
//		"/api/post/create": old, // not ported; listed so that [pid] does not match it
//	}, pattern.HandlerConfig{NotFound: old, TrailingSlash: pattern.RedirectToBare})
//	server := &http.Server{Handler: routes}
//
// httputil.ReverseProxy proxies requests, uploads, streams and WebSockets to the old
// server. Package pattern routes the paths. Its Handler is the handler of the server,
// without a ServeMux, which would redirect paths with empty or dot segments before
// the old server sees them. Put timeouts and size limits around the ported routes
// only: the old server has its own.
//
// Before you switch a route, compare it on real traffic: middleware/shadow sends the
// request to one server in the background while the other responds, and reports
// differences.
//
//	compare := shadow.New(old, shadow.Config{IgnoreJSON: []string{"/*/updatedAt"}})
//	"/api/posts": strangler.Partly(middleware.Methods{"GET": compare.Middleware(list)}, old),
//
// A dynamic route also matches the paths of static routes beside it. Port both
// together, or list the static one with the old server as its handler, as above. And
// remove ported routes from the old server: a path that is no route here, such as
// //api/posts, goes there, where it may match, without the new guards.
package strangler

import (
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern/nextfs"
	"github.com/apiece/apiece/reply"
)

// Config says where the old server is.
type Config struct {
	// Base is its URL, such as "http://localhost:3000".
	Base string

	// BehindProxy says that a trusted proxy in front of this service sets the
	// X-Forwarded fields, for the address of the client and HTTPS. If clients connect
	// directly it must be false, or they could forge these fields.
	BehindProxy bool

	// OnError responds if the old server does not. Nil sends problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Old returns the handler that proxies requests to the old server. If that is down,
// it responds with 502. In a test, nextfs.Check recognizes it as the old server.
func Old(cfg Config) (http.Handler, error) {
	base, err := url.Parse(cfg.Base)
	if err != nil {
		return nil, err
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("strangler: %q is no base URL", cfg.Base)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // bodies pass as they are
	transport.MaxIdleConnsPerHost = 100 // there is only one host; the default is 2
	proxy := httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(base)
			// Next.js builds absolute URLs from the host, and its server actions
			// compare it with the Origin.
			pr.Out.Host = pr.In.Host
			// ReverseProxy removes query parameters that Go cannot parse. The old
			// server may understand them.
			pr.Out.URL.RawQuery = pr.In.URL.RawQuery
			if !cfg.BehindProxy {
				pr.SetXForwarded()
				return
			}
			pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
			pr.SetXForwarded() // adds to the first, and replaces the others
			for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Proto"} {
				if values, ok := pr.In.Header[name]; ok {
					pr.Out.Header[name] = values
				}
			}
		},
		Transport: transport,
	}
	return nextfs.Old(reply.Handler(func(w http.ResponseWriter, r *http.Request) (err error) {
		proxy := proxy // a copy, for an error of this request
		proxy.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)
		proxy.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, failed error) { err = failed }
		proxy.ServeHTTP(w, r)
		if err != nil {
			return reply.NewError(http.StatusBadGateway, "").WithCause(err)
		}
		return nil
	}, cfg.OnError)), nil
}

// Partly serves the ported methods, and proxies all others to the old server, and
// OPTIONS too, since more methods are allowed than are ported. HEAD goes where GET
// goes.
func Partly(ported middleware.Methods, old http.Handler) http.Handler { return partly{ported, old} }

type partly struct {
	ported middleware.Methods
	old    http.Handler
}

func (p partly) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.ported[r.Method] != nil || r.Method == http.MethodHead && p.ported[http.MethodGet] != nil {
		p.ported.ServeHTTP(w, r)
		return
	}
	p.old.ServeHTTP(w, r)
}

// All reports the ported methods to nextfs.Check.
func (p partly) All() iter.Seq2[string, http.Handler] {
	return func(yield func(string, http.Handler) bool) {
		for method, h := range p.ported.All() {
			if !yield(method, h) {
				return
			}
		}
		yield("", p.old)
	}
}
