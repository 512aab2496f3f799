// Package strangler ports a Next.js API to Go one route at a time: this service
// takes the address of the old one, answers what is ported, and hands on
// everything else, the pages included, as it came.
//
//	old, err := strangler.Old(strangler.Config{Base: "http://localhost:3000"})
//	routes, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/posts":       strangler.Partly(middleware.Methods{"GET": list}, old),
//		"/api/post/[pid]":  api.Then(post),
//		"/api/post/create": old, // not ported, and not a [pid] meanwhile
//	}, pattern.HandlerConfig{NotFound: old, TrailingSlash: pattern.RedirectToBare})
//	server := &http.Server{Handler: routes}
//
// httputil.ReverseProxy carries requests, uploads, streams and WebSockets to the
// old server. Package pattern decides whose a path is. Its Handler is the
// handler of the server, without a ServeMux around it: that would redirect
// paths with empty or dot segments before the old server sees them. Limits of
// time and size belong in front of the routes that are ported and not around
// all of them: the old server has its own.
//
// Before a route is switched it can be compared on real traffic: middleware/shadow
// asks one server in the background while the other answers, and reports what
// differs.
//
//	compare := shadow.New(old, shadow.Config{IgnoreJSON: []string{"/*/updatedAt"}})
//	"/api/posts": strangler.Partly(middleware.Methods{"GET": compare.Middleware(list)}, old),
//
// A dynamic route answers for the static ones beside it. Port both together, or
// list the static one with the old server for a handler, as above. And take out of
// the old server what is ported: a spelling that is no route here, such as
// //api/posts, goes there, where it may be one, with none of the new guards.
package strangler

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// Config says where the old server is.
type Config struct {
	// Base is its URL, such as "http://localhost:3000".
	Base string

	// BehindProxy says that whoever is in front of this service has set the
	// X-Forwarded fields, so that what they say of the client and of https
	// holds. Where clients connect directly it must be false, or they could
	// say of themselves what they like.
	BehindProxy bool

	// OnError answers when the old server does not. Nil is a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Old returns the handler that hands requests on to the old server. One that is
// down is a 502.
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
			// Next makes absolute URLs from the host, and its server actions
			// compare it with the Origin.
			pr.Out.Host = pr.In.Host
			// ReverseProxy removes what Go cannot parse. It is not for Go to read.
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
	return reply.Handler(func(w http.ResponseWriter, r *http.Request) (err error) {
		proxy := proxy // a copy, for an error of this request
		proxy.ErrorLog = slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)
		proxy.ErrorHandler = func(_ http.ResponseWriter, _ *http.Request, failed error) { err = failed }
		proxy.ServeHTTP(w, r)
		if err != nil {
			return reply.NewError(http.StatusBadGateway, "").WithCause(err)
		}
		return nil
	}, cfg.OnError), nil
}

// Partly serves the methods that are ported, and has the old server answer the
// rest: other methods, and OPTIONS, since what is allowed is more than what is
// ported. A HEAD goes with GET.
func Partly(ported middleware.Methods, old http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ported[r.Method] != nil || r.Method == http.MethodHead && ported[http.MethodGet] != nil {
			ported.ServeHTTP(w, r)
			return
		}
		old.ServeHTTP(w, r)
	})
}
