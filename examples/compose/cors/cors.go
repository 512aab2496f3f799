// Package cors lets pages of other origins call an API: rs/cors in front of the
// kit.
//
// rs/cors knows which origin may do what, answers preflight requests and sets
// the Access-Control headers. No piece of the kit ever sets one, and the
// answers that the kit gives itself, a 413 or a 504, keep those that were set
// further out. So rs/cors is the outermost layer: a page cannot read the status
// of an answer without these headers, and would report every error as a failed
// connection. Inside of a Timeout they would be missing from the 504, inside of
// a parser from the 413.
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

// Chain is what stands in front of an API that pages of these origins may call,
// with cookies. It panics if one is not an origin, or if there is none.
func Chain(cfg middleware.Config, origins ...string) alice.Chain {
	return alice.New(Allow(origins...)).Extend(middleware.Chain(cfg))
}

// Allow is the CORS layer alone.
func Allow(origins ...string) func(http.Handler) http.Handler {
	if err := check(origins); err != nil {
		panic(err)
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		// An answer to a method that is not listed has no CORS header either, so
		// whatever gets a 405 from the API belongs here too.
		AllowedMethods:   []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:   []string{"Authorization", "Content-Type"},
		ExposedHeaders:   []string{"Allow", "ETag", "Retry-After"},
		AllowCredentials: true,
		MaxAge:           600, // seconds
	}).Handler
}

// check refuses what rs/cors would take for an invitation: an empty list, such
// as one from an environment variable that is not set, and "*" stand for
// everybody. "null" is what a sandboxed frame of any site sends.
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
