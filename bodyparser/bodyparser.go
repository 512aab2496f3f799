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
	p.empty = Body{settings: &p.settings, raw: []byte{}, text: []byte{}, media: contentType(nil)}
	p.empty.kind = p.empty.media.kind()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, next) })
	}
}

type parser struct {
	settings settings
	nested   sync.Once
	empty    Body // of requests without a body, see bodiless
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

	if node != nil && node.Get(exchange.Body) == nil && s.bodiless(r) {
		node.Set(exchange.Body, &p.empty)
		node.BodyOf = r.Header
		r.Body = http.NoBody
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
		node.BodyOf = own.Header
	}
	next.ServeHTTP(w, own)
}

// bodiless reports whether r has no body and no header that tells of one, as
// nearly every GET. All such requests share one Body, which no method changes.
func (s *settings) bodiless(r *http.Request) bool {
	return (r.Body == nil || r.Body == http.NoBody) && r.ContentLength == 0 && !s.Raw && s.Verify == nil &&
		len(r.Header["Content-Type"]) == 0 && len(r.Header["Content-Encoding"]) == 0
}
