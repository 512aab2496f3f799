// Package session keeps sessions with scs, outside the kit's pieces.
//
// scs loads the session before the handler, and saves it and sets the cookie just
// before the header of the response is sent. So it has to see every header: one
// written by an outer layer, such as a Timeout, would have no cookie, and the browser
// would lose the session. The kit's Recover is among the pieces inside. Session data
// set before a panic is saved with the 500; with Recover outside it would be lost.
// Put CORS and CSRF protection outside, since they reject requests without a session.
//
// Notes:
//
//   - Nothing is buffered, so streams work. But the session is saved with the
//     first byte, and later changes in the stream are lost.
//   - A handler that runs past its deadline still holds its session. Changes
//     before the 504 are saved, later ones are not.
//   - Two requests of one visitor each load and save the complete session: the
//     last one wins.
//   - scs passes on a copy of the request. HandBack of package neighbours copies
//     the pattern of a mux inside back for loggers outside, and the multipart
//     form for net/http, which removes its files.
package session

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/justinas/alice"

	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// New returns a manager whose sessions expire after a week, or after a day without a
// request. Set its Store to use another store than the memory of this process.
func New() *scs.SessionManager {
	sessions := scs.New()
	sessions.Lifetime = 7 * 24 * time.Hour
	sessions.IdleTimeout = 24 * time.Hour
	sessions.Cookie.Name = "__Host-session" // browsers keep it from this host only
	sessions.Cookie.Secure = true
	sessions.HashTokenInStore = true
	// The store is down. HandlerFunc sends a plain 500, and logs the cause. Then scs
	// lets the handler write its own response after that one. That fails, because the
	// length of the first is declared, and the kit drops the connection; so flush the
	// 500 now.
	sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
	}
	return sessions
}

// Chain returns the layers around handlers with a session.
func Chain(sessions *scs.SessionManager, cfg middleware.Config) alice.Chain {
	return alice.New(neighbours.HandBack(sessions.LoadAndSave)).Extend(middleware.Chain(cfg))
}

// SignIn signs a user in to the session. It changes the token, which prevents session fixation.
func SignIn(sessions *scs.SessionManager, r *http.Request, user string) error {
	if err := sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	sessions.Put(r.Context(), "user", user)
	return nil
}
