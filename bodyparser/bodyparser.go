package bodyparser

import (
	"cmp"
	"maps"
	"net/http"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
)

// New returns the middleware that reads the body of every request, of any
// method, before the handler runs. A body that is refused is answered by
// Config.OnError, and the handler does not run; see [Error] for the statuses.
// The handler finds the body by [From], and once more in r.Body.
//
// A parser behind another leaves the body to the one in front, and says so in
// the log, once. New panics if the Config is not valid.
func New(cfg Config) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.Decoders = maps.Clone(cfg.Decoders)
	p := &parser{settings: cfg.settings()}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, next) })
	}
}

type parser struct {
	settings settings
	nested   sync.Once
}

// parsed is what one request costs: the Body and the node of the context that
// leads to it, in one piece.
type parsed struct {
	exchange.Node
	body Body
}

func (p *parser) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	s := &p.settings
	node := exchange.Find(r.Context())
	if b, ok := earlier(r, node); ok {
		p.nested.Do(func() {
			httperr.LoggerFor(s.Logger, r).Warn("bodyparser: another parser has read the body already, and its limits hold",
				"pattern", cmp.Or(r.Pattern, r.URL.Path))
		})
		if err := s.verify(r, b); err != nil {
			httperr.Handle(w, r, err, s.OnError, s.Logger)
			return
		}
		next.ServeHTTP(w, r)
		return
	}

	if s.ignores() {
		next.ServeHTTP(w, r)
		return
	}

	m, own := new(parsed), r
	if node == nil || node.Get(exchange.Body) != nil {
		own = m.Attach(r, node)
		node = &m.Node
		defer exchange.HandBack(r, own)
	}
	if err := s.parse(w, own, &m.body); err != nil {
		httperr.Handle(w, own, err, s.OnError, s.Logger)
		return
	}
	if !s.Raw {
		node.Set(exchange.Body, &m.body)
	}
	next.ServeHTTP(w, own)
}
