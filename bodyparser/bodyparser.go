package bodyparser

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/requestbody"
)

// New returns middleware that reads the body of every request, of any method,
// before the handler runs. For a refused body Config.OnError responds, and the
// handler does not run; see [Error] for the statuses. The handler gets the body
// from [From], and again from r.Body.
//
// A parser inside another one leaves the body to the outer one, which is logged
// once. New panics if the Config is not valid.
func New(cfg Config) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.Decoders, cfg.JSONTypes = maps.Clone(cfg.Decoders), slices.Clone(cfg.JSONTypes)
	m := &middleware{parser: newParser(cfg)}
	m.empty = Body{parser: &m.parser, raw: []byte{}, text: []byte{}}
	m.empty.kind = m.parser.kindOf("")
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, next) })
	}
}

// Parse reads and checks the body of r. It never responds. A refused body is
// returned as an [*Error], or as the error of Config.Verify if that has a status
// of its own; reply.Problem and every OnError respond to both. w is needed to
// bound slow and endless bodies; if it is nil, the writer of a layer outside is
// used, see Config.ReadTimeout.
//
// A body stays refused: reading r.Body, and parsing it again, give the same
// error. A body that other code has read before is an error of status 500, if
// its length shows it; read it through Parse only.
//
// Afterwards r.Body yields the same bytes again, r.ContentLength is their
// number, and [From] returns the Body. If r was parsed already, the existing
// Body is returned and its Config applies, except that Verify is called too.
//
// A body that is left unread, for Config.Raw or a multipart type, gives a Body
// with its type alone, and an r.Body that is limited but otherwise unchanged.
func Parse(w http.ResponseWriter, r *http.Request, cfg Config) (*Body, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if b, ok := parsed(r, exchange.Find(r.Context())); ok {
		p := parser{Config: cfg}
		if err := p.verify(r, b); err != nil {
			return nil, err
		}
		return b, nil
	}
	var b *Body
	var err error
	if pooled, ok := w.(*requestbody.PooledWriter); ok {
		m := memoryOf(pooled)
		m.parser = newParser(cfg)
		b = &m.body
		b.parser = &m.parser
		err = b.parse(pooled.ResponseWriter, r, m, true)
	} else {
		own := new(struct {
			body   Body
			parser parser
		})
		own.parser = newParser(cfg)
		b = &own.body
		b.parser = &own.parser
		err = b.parseToKeep(w, r)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// From returns the Body that [New] or [Parse] has read for this request. For a
// multipart body, which New leaves unread, it has the type alone, so that every
// handler inside a New has a Body. It reports false without a parser outside,
// or if its Config says Raw.
func From(r *http.Request) (*Body, bool) {
	return from(r, exchange.Find(r.Context()))
}

func from(r *http.Request, node *exchange.Node) (*Body, bool) {
	if p, ok := r.Body.(*replay); ok {
		return p.body, p.body != nil
	}
	if node == nil {
		return nil, false
	}
	// Another layer may have wrapped r.Body.
	b, ok := node.Get(exchange.Body).(*Body)
	if ok && node.About(r) {
		return b, true
	}
	return nil, false
}

// parsed returns the Body if it has been read already. The node is that of the
// request.
func parsed(r *http.Request, node *exchange.Node) (*Body, bool) {
	b, ok := from(r, node)
	return b, ok && b.kind != unread
}

// A middleware is what New returns.
type middleware struct {
	parser parser
	nested sync.Once
	empty  Body // of requests without a body, see bodiless
}

func (m *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	p := &m.parser
	node := exchange.Find(r.Context())
	if b, ok := parsed(r, node); ok {
		m.nested.Do(func() {
			problem.LoggerFor(p.Logger, r).Warn("apiece: bodyparser: another parser has read the body already, and its limits hold",
				"pattern", cmp.Or(r.Pattern, r.URL.Path))
		})
		if err := p.verify(r, b); err != nil {
			problem.Handle(w, r, err, p.OnError, p.Logger)
			return
		}
		next.ServeHTTP(w, r)
		return
	}

	// A node of the same request has room for the body and the writer.
	free := node != nil && (node.Of == nil || node.About(r))
	if free {
		node.SetWriter(w, r)
		free = node.Get(exchange.Body) == nil
	}
	if p.Raw {
		m.serveRaw(w, r, next)
		return
	}
	if free && p.bodiless(r) {
		node.Set(exchange.Body, &m.empty)
		r.Body = http.NoBody
		next.ServeHTTP(w, r)
		return
	}

	own, body := r, (*Body)(nil)
	if free {
		body = new(Body)
	} else {
		// All that the request allocates, in one piece.
		c := new(struct {
			exchange.Node
			body    Body
			request http.Request
		})
		c.Attach(r.Context(), node)
		c.SetWriter(w, r)
		c.request = *r.WithContext(&c.Node)
		own, body, node = &c.request, &c.body, &c.Node
		defer exchange.HandBack(r, own)
	}
	body.parser = p
	if err := body.parseToKeep(w, own); err != nil {
		problem.Handle(w, own, err, p.OnError, p.Logger)
		return
	}
	node.Set(exchange.Body, body)
	node.Of = own.Header // replaced by decompression
	next.ServeHTTP(w, own)
}

// bodiless reports whether r has no body and no header of one, like nearly
// every GET. All such requests share one Body, which no method changes.
func (p *parser) bodiless(r *http.Request) bool {
	return (r.Body == nil || r.Body == http.NoBody) && r.ContentLength == 0 && p.Verify == nil &&
		len(r.Header["Content-Type"]) == 0 && len(r.Header["Content-Encoding"]) == 0
}

// serveRaw limits a body that is left unread. From does not find it, so it
// needs no node: the limited body knows its writer.
func (m *middleware) serveRaw(w http.ResponseWriter, r *http.Request, next http.Handler) {
	p := &m.parser
	err := readable(r)
	if p.unreadLimit < 0 || err == nil && r.ContentLength <= p.unreadLimit && (r.Body == nil || r.Body == http.NoBody) {
		next.ServeHTTP(w, r)
		return
	}
	c := new(struct {
		request http.Request
		body    requestbody.Limited
	})
	own := &c.request
	*own = *r
	defer exchange.HandBack(r, own)
	if err == nil {
		err = p.passThrough(w, own, &c.body)
	}
	if err != nil {
		own.Body = &refused{err}
		problem.Handle(w, own, err, p.OnError, p.Logger)
		return
	}
	next.ServeHTTP(w, own)
}
