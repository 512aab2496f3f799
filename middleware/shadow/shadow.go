package shadow

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/response"
)

// A Shadow compares the responses of a handler with those of another, its shadow. It is
// safe for concurrent use.
type Shadow struct {
	other http.Handler
	cfg   Config
	rules rules
	slots chan struct{} // one for each running comparison
	stats counters

	// mu guards the fields below. No other lock is taken under it.
	mu      sync.Mutex
	running int           // shadows that have not returned
	closed  bool          // by Shutdown
	idle    chan struct{} // closed when the last one returns after Shutdown
}

// New returns a Shadow that calls other in the background. It panics if the Config is
// not valid, or if other is nil.
func New(other http.Handler, cfg Config) *Shadow {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if other == nil {
		panic("shadow: New: the handler is nil")
	}
	cfg = cfg.withDefaults()
	return &Shadow{
		other: other,
		cfg:   cfg,
		rules: newRules(cfg),
		slots: make(chan struct{}, cfg.Concurrency),
		idle:  make(chan struct{}),
	}
}

// Middleware returns next with the shadow attached: next sends the response. A Shadow
// may be attached to several handlers.
func (s *Shadow) Middleware(next http.Handler) http.Handler {
	return layer.New(next, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, next) })
}

func (s *Shadow) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !slices.Contains(s.cfg.Methods, r.Method) || s.cfg.Sample > 0 && rand.Float64() >= s.cfg.Sample {
		next.ServeHTTP(w, r)
		return
	}
	if why := s.skipReason(r); why != "" {
		next.ServeHTTP(w, r)
		s.stats.skip(r, why)
		return
	}
	select {
	case s.slots <- struct{}{}:
	default:
		next.ServeHTTP(w, r)
		s.stats.skip(r, Busy)
		return
	}
	c := &comparison{s: s, holdsSlot: true}
	defer c.release() // unless the shadow owns it now
	c.prepare(r)
	inside := r
	if c.body != nil {
		inside = r.WithContext(r.Context())
		inside.Body = c.body
		defer exchange.HandBack(r, inside)
	}
	tee := &tee{client: w, c: c}
	rw := new(response.Writer)
	returned := false
	defer func() {
		if !returned { // it panics, as a proxy does whose server breaks off
			s.stats.skip(inside, Unfinished)
		}
	}()
	next.ServeHTTP(rw.Init(tee, r), inside)
	returned = true
	c.route = inside.Pattern
	if c.answer = tee.response(rw); c.answer.incomplete != "" {
		s.stats.skip(inside, c.answer.incomplete)
		return
	}
	if why := c.unreadable(); why != "" {
		s.stats.skip(inside, why)
		return
	}
	if !s.enter() {
		return
	}
	c.holdsSlot = false
	go c.run()
}

// enter reports whether another shadow may run.
func (s *Shadow) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running++
	return true
}

func (s *Shadow) leave() {
	<-s.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.closed && s.running == 0 {
		close(s.idle)
	}
}

// Shutdown starts no further comparisons, and waits for the running ones until the
// context ends. Requests are still served.
func (s *Shadow) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		if s.running == 0 {
			close(s.idle)
		}
	}
	s.mu.Unlock()
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
