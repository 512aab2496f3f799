// Package cors adds CORS to an API, with rs/cors around the kit.
//
// rs/cors decides which origins are allowed, responds to preflight requests and sets
// the Access-Control headers. No piece of the kit sets one, and error responses of
// the kit, such as a 413 or a 504, keep those that outer layers set. So rs/cors is
// the outermost layer: without these headers a page cannot read the status of a
// response, and reports every error as a failed connection. Inside a Timeout they
// would be missing from the 504, inside a parser from the 413.
package cors

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/justinas/alice"
	"github.com/rs/cors"

	"github.com/apiece/apiece/middleware"
)

// Chain returns the layers around an API that pages of these origins may call, with
// cookies. It panics if the list is empty or has an invalid origin.
func Chain(cfg middleware.Config, origins ...string) alice.Chain {
	return alice.New(Allow(origins...)).Extend(middleware.Chain(cfg))
}

// Allow returns the CORS layer alone.
func Allow(origins ...string) func(http.Handler) http.Handler {
	if err := check(origins); err != nil {
		panic(err)
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		// A response to a method that is not listed has no CORS headers, so list
		// methods that get a 405 from the API too.
		AllowedMethods:   []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   []string{"Authorization", "Content-Type"},
		ExposedHeaders:   []string{"Allow", "ETag", "Retry-After"},
		AllowCredentials: true,
		MaxAge:           600, // seconds
	}).Handler
}

// check rejects lists that allow too much: in rs/cors an empty list, such as from a
// missing environment variable, and "*" allow all origins. "null" is the origin of a
// sandboxed frame on any site.
func check(origins []string) error {
	if len(origins) == 0 {
		return errors.New("cors: no origins: that would allow all of them")
	}
	var errs []error
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" ||
			strings.Contains(u.Host, "*") || origin != u.Scheme+"://"+u.Host {
			errs = append(errs, fmt.Errorf("cors: %q is not the origin of one site, as in https://app.example", origin))
		}
	}
	return errors.Join(errs...)
}
