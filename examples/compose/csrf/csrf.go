// Package csrf keeps other sites from acting in the name of a user who is
// signed in here: CrossOriginProtection of net/http, or the tokens of nosurf,
// with the refusals in the shape of the service.
//
// [Origins] is enough for most services. It asks the browser itself, which says
// since 2023 where a request comes from, needs no token and no cookie, and
// leaves clients that are no browsers alone. It reads only the header, so it
// stands outside of the parser: nothing is read for a request that is refused.
//
// [Tokens] is for forms that older browsers send too, or where an audit asks
// for a token. Other than the first it has to read the body to find it, so
// it stands inside of the parser, which bounds what is read and hands it out
// again to the handler. Multipart bodies can be read but once, and are of any
// size: nobody looks into them, and forms with files send the token in the
// X-CSRF-Token header.
//
// Neither is of use against a GET that changes something.
package csrf

import (
	"mime"
	"net/http"

	"github.com/justinas/nosurf"

	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/reply"
)

// A Config is what both ways have in common. The zero value trusts nobody else.
type Config struct {
	// Trusted are the origins of other sites whose pages may send requests,
	// "https://app.example". One that CORS allows to write belongs here too: the
	// preflight asks CORS, the request itself comes through here.
	Trusted []string

	// Exempt are patterns of ServeMux for routes that no browser calls and that
	// have a proof of their own, such as "POST /hooks/".
	Exempt []string

	// OnError answers what is refused. Nil answers with a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Origins refuses requests that a page of another site has sent, unless they
// are of a method that changes nothing.
func Origins(cfg Config) func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	for _, origin := range cfg.Trusted {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(err)
		}
	}
	for _, pattern := range cfg.Exempt {
		protection.AddInsecureBypassPattern(pattern)
	}
	protection.SetDenyHandler(cfg.refuse(protection.Check))
	return protection.Handler
}

// Tokens refuses requests without the token that [nosurf.Token] has put into
// the form.
func Tokens(cfg Config) func(http.Handler) http.Handler {
	_ = Origins(cfg) // panics for what is no origin, which nosurf takes for one
	trusted, err := nosurf.StaticOrigins(cfg.Trusted...)
	if err != nil {
		panic(err)
	}
	// nosurf knows paths, globs and regular expressions. A mux reads the same
	// patterns that Origins does, and is its own mark for what is exempt: what
	// else it has in store is a redirect, which says nothing about the path.
	exempt := http.NewServeMux()
	for _, pattern := range cfg.Exempt {
		exempt.Handle(pattern, exempt)
	}
	return neighbours.HandBack(func(next http.Handler) http.Handler {
		h := nosurf.New(next)
		h.SetBaseCookie(http.Cookie{
			Name: "__Host-csrf", Path: "/", MaxAge: nosurf.MaxAge,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		h.SetIsAllowedOriginFunc(trusted)
		h.ExemptFunc(func(r *http.Request) bool {
			h, _ := exempt.Handler(r)
			return h == http.Handler(exempt)
		})
		h.SetFailureHandler(cfg.refuse(nosurf.Reason))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// nosurf would have all of a multipart body read, into files of any
			// size, to find out that there is no token in it. It does not where the
			// form is parsed already, which ParseForm does without reading this body.
			if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "multipart/form-data" {
				_ = r.ParseForm()
			}
			h.ServeHTTP(w, r)
		})
	})
}

// refuse is the 403 of both. The reason is for the log: a client that could
// read what is missing would add it.
func (cfg Config) refuse(reason func(*http.Request) error) http.Handler {
	return reply.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return reply.NewError(http.StatusForbidden, "Cross-site request refused").WithCause(reason(r))
	}, cfg.OnError)
}
