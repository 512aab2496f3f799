package shadow

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/respw"
)

// A Shadow compares what a handler answers with what another would have answered.
// It is safe for concurrent use.
type Shadow struct {
	other  http.Handler
	cfg    Config
	rules  rules
	places chan struct{} // one for each request that is being compared
	stats  counters

	// mu guards what follows. Nothing else is locked under it.
	mu      sync.Mutex
	running int           // shadows that have not returned
	closed  bool          // by Shutdown
	idle    chan struct{} // closed when the last one returns after that
}

// New returns a Shadow of a handler that is asked in the background. It panics if
// the Config is not valid, or if the handler is nil.
func New(other http.Handler, cfg Config) *Shadow {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if other == nil {
		panic("shadow: New: the handler is nil")
	}
	cfg = cfg.withDefaults()
	return &Shadow{
		other:  other,
		cfg:    cfg,
		rules:  newRules(cfg),
		places: make(chan struct{}, cfg.Concurrency),
		idle:   make(chan struct{}),
	}
}

// Middleware returns next, which answers, with the shadow beside it. A Shadow may
// be beside several handlers.
func (s *Shadow) Middleware(next http.Handler) http.Handler {
	return layer.New(next, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, next) })
}

func (s *Shadow) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if !slices.Contains(s.cfg.Methods, r.Method) || s.cfg.Sample > 0 && rand.Float64() >= s.cfg.Sample {
		next.ServeHTTP(w, r)
		return
	}
	if why := s.unfit(r); why != "" {
		next.ServeHTTP(w, r)
		s.stats.skip(r, why)
		return
	}
	select {
	case s.places <- struct{}{}:
	default:
		next.ServeHTTP(w, r)
		s.stats.skip(r, Busy)
		return
	}
	c := &comparison{s: s, taken: true}
	defer c.release() // unless the shadow has it now
	c.prepare(r)
	inside := r
	if c.body != nil {
		inside = r.WithContext(r.Context())
		inside.Body = c.body
		defer exchange.HandBack(r, inside)
	}
	tee := &tee{client: w, c: c}
	rw := new(respw.Writer)
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
	c.taken = false
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
	<-s.places
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.closed && s.running == 0 {
		close(s.idle)
	}
}

// Shutdown begins no more comparisons, and waits for those that are running until
// the context ends. Requests are answered as before.
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
