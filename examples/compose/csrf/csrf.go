// Package csrf protects against CSRF, with CrossOriginProtection of net/http or the
// tokens of nosurf. Its error responses have the format of the service.
//
// [Origins] is enough for most services. It uses the Sec-Fetch-Site header, which all
// browsers send since 2023, needs no token and no cookie, and does not affect clients
// that are not browsers. It reads only the header, so put it outside the parser: the
// body of a rejected request is not read.
//
// [Tokens] is for forms in older browsers, or if an audit requires a token. It has to
// read the body to find the token, so put it inside the parser, which limits the body
// and replays it to the handler. A multipart body can be read only once, and has any
// size: Tokens does not read it, and forms with files send the token in the
// X-CSRF-Token header.
//
// Neither protects a GET that changes data.
package csrf

import (
	"mime"
	"net/http"

	"github.com/justinas/nosurf"

	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/reply"
)

// A Config configures [Origins] and [Tokens]. The zero value trusts no other origin.
type Config struct {
	// Trusted are other origins whose pages may send requests, such as
	// "https://app.example". List origins here too that CORS allows to write: CORS
	// checks the preflight, this checks the request itself.
	Trusted []string

	// Exempt are ServeMux patterns of routes that no browser calls and that have
	// their own authentication, such as "POST /hooks/".
	Exempt []string

	// OnError responds to rejected requests. Nil sends problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Origins rejects requests from pages of other origins, unless the method is safe.
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

// Tokens rejects requests without the token that [nosurf.Token] has put into the form.
func Tokens(cfg Config) func(http.Handler) http.Handler {
	_ = Origins(cfg) // panics for an invalid origin, which nosurf accepts
	trusted, err := nosurf.StaticOrigins(cfg.Trusted...)
	if err != nil {
		panic(err)
	}
	// nosurf has paths, globs and regular expressions. A mux parses the same patterns
	// as Origins. A request is exempt if the mux returns itself as the handler: it
	// may also return a redirect, which says nothing about the path.
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
			// nosurf would read a complete multipart body, into files of any size, to
			// look for the token. It does not if the form is parsed already, and
			// ParseForm does that without reading this body.
			if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "multipart/form-data" {
				_ = r.ParseForm()
			}
			h.ServeHTTP(w, r)
		})
	})
}

// refuse is the 403 of both. The reason is only for the log, so that an attacker does
// not learn what is missing.
func (cfg Config) refuse(reason func(*http.Request) error) http.Handler {
	return reply.Handler(func(w http.ResponseWriter, r *http.Request) error {
		return reply.NewError(http.StatusForbidden, "Cross-site request refused").WithCause(reason(r))
	}, cfg.OnError)
}
