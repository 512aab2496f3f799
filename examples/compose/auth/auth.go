// Package auth authenticates requests in one place: a middleware around the routes
// that identifies the user, and rejects requests without a valid token.
//
// golang-jwt reads and signs the tokens ([Tokens]); package oidc uses tokens of an
// identity provider instead. The kit responds: 401 with a WWW-Authenticate header for
// programs, and for a browser that opens a page a redirect to the login, which
// redirects back to that page only.
//
// Put the guard inside CORS, whose headers belong on a 401 too, and outside the
// parser, so that no body is read for unauthenticated clients. Browsers send a login
// cookie with requests from any site, so the routes inside the guard need CSRF
// protection, see package csrf; so does the login, or another site could sign its
// visitors in to another account. Rate limiting the login, see package ratelimit,
// slows down password guessing.
package auth

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// A User is the authenticated user.
type User struct{ ID string }

type userKey struct{}

// From returns the user that [Require] has authenticated.
func From(r *http.Request) (User, bool) {
	u, ok := r.Context().Value(userKey{}).(User)
	return u, ok
}

// Require passes on requests with a token that verify accepts. An error of verify
// that has a status, such as 503, gets that status, any other 401.
func Require(verify func(context.Context, string) (User, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			user, err := identify(r, verify)
			if err != nil {
				return refuse(w, r, err)
			}
			inner := r.WithContext(context.WithValue(r.Context(), userKey{}, user))
			defer func() {
				r.Pattern = inner.Pattern             // for loggers outside, if there is a mux inside
				r.MultipartForm = inner.MultipartForm // for net/http, which removes its files
			}()
			next.ServeHTTP(w, inner)
			return nil
		})
	}
}

var errNoToken = errors.New("auth: no token")

func identify(r *http.Request, verify func(context.Context, string) (User, error)) (User, error) {
	token, err := token(r)
	if err != nil {
		return User{}, err
	}
	return verify(r.Context(), token)
}

// token finds the token in the Authorization header or, if there is none, in
// the cookie of the login. The name of the scheme is case-insensitive (RFC
// 9110, section 11.1).
func token(r *http.Request) (string, error) {
	switch fields := r.Header["Authorization"]; len(fields) {
	case 0:
		if token, ok := cookies.Lookup(r, cookieName); ok {
			return token, nil
		}
	case 1:
		scheme, token, _ := strings.Cut(fields[0], " ")
		if token = strings.TrimLeft(token, " "); strings.EqualFold(scheme, "Bearer") && token != "" {
			return token, nil
		}
	default:
		return "", errors.New("auth: two tokens, and no telling which counts")
	}
	return "", errNoToken
}

// refuse responds to a rejected request.
func refuse(w http.ResponseWriter, r *http.Request, err error) error {
	if status, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok && status.StatusCode() != http.StatusUnauthorized {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if wantsPage(r) {
		return redirect.Code(w, r, http.StatusSeeOther, "/login?next="+url.QueryEscape(r.RequestURI))
	}
	if errors.Is(err, errNoToken) {
		return reply.NewError(http.StatusUnauthorized, "Sign in first").
			WithHeader("WWW-Authenticate", `Bearer realm="api"`)
	}
	return reply.NewError(http.StatusUnauthorized, "The token is not valid").WithCause(err).
		WithHeader("WWW-Authenticate", `Bearer realm="api", error="invalid_token"`) // RFC 6750, section 3
}

// wantsPage reports whether a browser opens a page, and so can be redirected to a
// login and back: it accepts text/html, a script does not.
func wantsPage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if mediaType, params, err := mime.ParseMediaType(accepted); err == nil && mediaType == "text/html" {
			q, err := strconv.ParseFloat(params["q"], 64)
			return err != nil || q > 0
		}
	}
	return false
}
