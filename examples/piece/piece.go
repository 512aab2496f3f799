// Package piece is an example of your own piece: middleware that limits concurrent
// requests. ARCHITECTURE.md shows it.
package piece

import (
	"net/http"

	"github.com/apiece/apiece/reply"
)

// A Config configures [New].
type Config struct {
	// MaxRequests is how many requests run at once; further ones get 503. 0 is 100,
	// negative is no limit.
	MaxRequests int

	// OnError renders the 503. Nil is the OnError of the chain around this piece.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// New returns the middleware.
func New(cfg Config) func(http.Handler) http.Handler {
	if cfg.MaxRequests == 0 {
		cfg.MaxRequests = 100
	}
	refuse := reply.Handler(func(http.ResponseWriter, *http.Request) error {
		return reply.NewError(http.StatusServiceUnavailable, "Too many requests at once").WithHeader("Retry-After", "1")
	}, cfg.OnError)
	return func(next http.Handler) http.Handler {
		if cfg.MaxRequests < 0 {
			return next
		}
		return &bounded{next, refuse, make(chan struct{}, cfg.MaxRequests)}
	}
}

type bounded struct {
	next, refuse http.Handler
	running      chan struct{}
}

// Unwrap shows the handler inside to pattern.Walk, and with it to generators.
func (b *bounded) Unwrap() http.Handler { return b.next }

func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case b.running <- struct{}{}:
		defer func() { <-b.running }() // even if the handler panics
		b.next.ServeHTTP(w, r)         // with w as it came: nothing of it is hidden
	default:
		b.refuse.ServeHTTP(w, r)
	}
}
