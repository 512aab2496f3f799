// Package session keeps what a service knows of a visitor between requests:
// scs, outside of the kit's pieces.
//
// scs loads the session before the handler and saves it just before the header
// of the response goes out, which is when it adds the cookie. So it has to see
// every header: one that is written further out, by a Timeout for instance,
// would lack the cookie, and the browser the session. The kit's Recover is
// among the pieces inside. What the handler has put into the session before it
// panicked is saved with the 500; with Recover outside it would be dropped. CORS
// and CSRF protection go outside, since they refuse without a session.
//
// What is good to know:
//
//   - Nothing is buffered, so streams work. But the session is saved with the
//     first byte, and what is put into it later in the stream is lost.
//   - A handler that is over its time still holds its session. What it had put
//     in when the 504 went out is saved, what it puts in later is not.
//   - Two requests of one visitor each load and save a whole session: the last
//     one wins.
//   - scs passes on a copy of the request. HandBack of package neighbours keeps
//     that from loggers outside, which want the pattern of a mux inside, and
//     from net/http, which removes the files of a multipart form.
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

// New returns a manager whose sessions end after a week, or a day without a
// request. Its store is the memory of this process until it is given another.
func New() *scs.SessionManager {
	sessions := scs.New()
	sessions.Lifetime = 7 * 24 * time.Hour
	sessions.IdleTimeout = 24 * time.Hour
	sessions.Cookie.Name = "__Host-session" // browsers keep it from this host only
	sessions.Cookie.Secure = true
	sessions.HashTokenInStore = true
	// The store is down. HandlerFunc answers with a 500 that says no more, and
	// leaves the reason in the log. scs lets the handler go on to write its own
	// answer behind that one. It cannot, because the length of the first is
	// declared, but the kit drops the connection for it; so the 500 leaves now.
	sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP(w, r)
		_ = http.NewResponseController(w).Flush()
	}
	return sessions
}

// Chain is what stands in front of handlers with a session.
func Chain(sessions *scs.SessionManager, cfg middleware.Config) alice.Chain {
	return alice.New(neighbours.HandBack(sessions.LoadAndSave)).Extend(middleware.Chain(cfg))
}

// SignIn makes the session that of a user. The token changes with what it is
// good for, or whoever has planted a token would be signed in too.
func SignIn(sessions *scs.SessionManager, r *http.Request, user string) error {
	if err := sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	sessions.Put(r.Context(), "user", user)
	return nil
}
