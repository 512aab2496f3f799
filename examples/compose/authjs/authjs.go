// Package authjs reads the sessions of next-auth v4 and Auth.js v5 in Go: users who
// signed in with Next.js are signed in here too, while an API moves route by route.
// It reads sessions in the cookie, strategy "jwt"; for sessions in a database query
// its table.
//
//	sessions := authjs.New(authjs.Config{Version: 5, Secrets: []string{os.Getenv("AUTH_SECRET")}, Secure: true})
//	mux.Handle("/api/me", sessions.Require("/api/auth/signin")(me))
//
// go-jose decrypts: the cookie is an encrypted token (JWE, RFC 7516) whose key is
// derived from the secret (HKDF, RFC 5869). A session of more than 4 KB is in
// several cookies, name.0, name.1 and so on.
//
// Cookies are read and never set, so signing in, signing out and renewing sessions
// stay with Next.js. Browsers send the cookie with requests from other sites too:
// routes inside [Sessions.Require] that change data need CSRF protection, see package
// csrf.
package authjs

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// Config says which cookies [New] reads.
type Config struct {
	// Version is 4 for next-auth v4, 5 for Auth.js v5.
	Version int

	// Secrets are the values of NEXTAUTH_SECRET or AUTH_SECRET: the current one
	// first, then older ones, whose sessions stay valid.
	Secrets []string

	// Secure says that the site uses HTTPS: the name of the cookie then begins with __Secure-.
	Secure bool

	// Cookie is the name of the cookie. Empty is the default of the Version.
	Cookie string
}

// A Session is the session of a signed-in user.
type Session struct {
	Subject string // of the identity, "sub"
	Name    string
	Email   string
	Picture string
	Expires time.Time

	// Claims has all claims from the jwt callback of the project, including the above.
	Claims map[string]any
}

// ErrNoSession is the error for a request without a session cookie. Any other error
// means an invalid cookie.
var ErrNoSession = errors.New("authjs: no session")

// Sessions reads the session cookies of requests.
type Sessions struct {
	name string
	keys [][]byte
	enc  jose.ContentEncryption
}

// New derives the keys. It panics if the Config has no secret or no known version.
func New(cfg Config) *Sessions {
	if len(cfg.Secrets) == 0 || cfg.Version != 4 && cfg.Version != 5 {
		panic("authjs: New: want a secret, and version 4 or 5")
	}
	s := &Sessions{name: cfg.Cookie}
	if s.name == "" {
		s.name = map[int]string{4: "next-auth.session-token", 5: "authjs.session-token"}[cfg.Version]
		if cfg.Secure {
			s.name = "__Secure-" + s.name
		}
	}
	// Version 4 has one key for all its cookies, version 5 one for each name.
	info, salt, size := "NextAuth.js Generated Encryption Key", "", 32
	s.enc = jose.A256GCM
	if cfg.Version == 5 {
		info, salt, size = "Auth.js Generated Encryption Key ("+s.name+")", s.name, 64
		s.enc = jose.A256CBC_HS512
	}
	for _, secret := range cfg.Secrets {
		if secret == "" {
			panic("authjs: New: an empty secret, which can be guessed")
		}
		key, err := hkdf.Key(sha256.New, []byte(secret), []byte(salt), info, size)
		if err != nil {
			panic(err)
		}
		s.keys = append(s.keys, key)
	}
	return s
}

// tolerance is the clock difference that Auth.js allows.
const tolerance = 15 * time.Second

// Session returns the session of a request, or ErrNoSession if there is no cookie.
func (s *Sessions) Session(r *http.Request) (*Session, error) {
	token := s.token(r)
	if token == "" {
		return nil, ErrNoSession
	}
	// The two lists keep the token from choosing its algorithm.
	sealed, err := jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{s.enc})
	if err != nil {
		return nil, fmt.Errorf("authjs: %w", err)
	}
	var text []byte
	for _, key := range s.keys {
		if text, err = sealed.Decrypt(key); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("authjs: %w", err)
	}
	// Claims are case-sensitive: encoding/json would accept "Email" for "email" in a struct.
	session := &Session{}
	if err := json.Unmarshal(text, &session.Claims); err != nil {
		return nil, fmt.Errorf("authjs: %w", err)
	}
	expires, err := session.time("exp")
	if err != nil {
		return nil, err
	}
	from, err := session.time("nbf")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	switch {
	case expires.IsZero():
		return nil, errors.New("authjs: a session that never expires")
	case now.After(expires.Add(tolerance)):
		return nil, errors.New("authjs: the session has expired")
	case now.Before(from.Add(-tolerance)):
		return nil, errors.New("authjs: the session is not valid yet")
	}
	for name, to := range map[string]*string{"sub": &session.Subject, "name": &session.Name, "email": &session.Email, "picture": &session.Picture} {
		*to, _ = session.Claims[name].(string)
	}
	session.Expires = expires
	return session, nil
}

// time returns a claim that is a time, the zero Time if it is absent.
func (s *Session) time(name string) (time.Time, error) {
	v, ok := s.Claims[name]
	n, isNumber := v.(float64)
	switch {
	case !ok:
		return time.Time{}, nil
	case !isNumber || n < 0 || n > 1e12: // in the year 33658
		return time.Time{}, fmt.Errorf("authjs: the claim %s is no time: %v", name, v)
	}
	return time.Unix(int64(n), 0), nil
}

// maxChunks limits the cookies of one session, to 40 KB.
const maxChunks = 10

// token returns the token of the request, from one cookie or from its parts.
func (s *Sessions) token(r *http.Request) string {
	all := cookies.All(r)
	if token := all[s.name]; token != "" {
		return token
	}
	var b strings.Builder
	for i := range maxChunks {
		part, ok := all[s.name+"."+strconv.Itoa(i)]
		if !ok {
			break
		}
		b.WriteString(part)
	}
	return b.String()
}

type sessionKey struct{}

// From returns the session of a request that [Sessions.Require] has passed on.
func From(r *http.Request) (*Session, bool) {
	s, ok := r.Context().Value(sessionKey{}).(*Session)
	return s, ok
}

// Require passes on requests with a session, which [From] returns. Others get 401; a
// browser that opens a page is redirected to the path signIn with the URL of the page
// as its callbackUrl, like by next-auth's middleware. With an empty signIn pages get
// 401 too.
func (s *Sessions) Require(signIn string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			session, err := s.Session(r)
			if err != nil {
				w.Header().Add("Vary", "Cookie, Accept")
				if signIn != "" && wantsPage(r) {
					return redirect.Code(w, r, http.StatusSeeOther, signIn+"?callbackUrl="+url.QueryEscape(r.URL.RequestURI()))
				}
				return reply.NewError(http.StatusUnauthorized, "Sign in first").WithCause(err)
			}
			inner := r.WithContext(context.WithValue(r.Context(), sessionKey{}, session))
			defer func() {
				r.Pattern = inner.Pattern             // for loggers outside, if there is a mux inside
				r.MultipartForm = inner.MultipartForm // for net/http, which removes its files
			}()
			next.ServeHTTP(w, inner)
			return nil
		})
	}
}

// wantsPage reports whether a browser opens a page, not a script.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}
