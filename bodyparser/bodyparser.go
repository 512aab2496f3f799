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
	p := &parser{settings: cfg.settings()}
	p.empty = Body{settings: &p.settings, raw: []byte{}, text: []byte{}, media: contentType(nil)}
	p.empty.kind = p.settings.kindOf("")
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, next) })
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
	if b, ok := earlier(r, exchange.Find(r.Context())); ok {
		s := settings{Config: cfg}
		if err := s.verify(r, b); err != nil {
			return nil, err
		}
		return b, nil
	}
	var b *Body
	var err error
	if l, ok := w.(*requestbody.Loan); ok {
		m := memoryOf(l)
		m.settings = cfg.settings()
		b = &m.body
		b.settings = &m.settings
		err = b.read(l.ResponseWriter, r, m, true)
	} else {
		own := new(struct {
			body     Body
			settings settings
		})
		own.settings = cfg.settings()
		b = &own.body
		b.settings = &own.settings
		err = b.readAndKeep(w, r)
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

// earlier returns the Body if it has been read already. The node is that of the
// request.
func earlier(r *http.Request, node *exchange.Node) (*Body, bool) {
	b, ok := from(r, node)
	return b, ok && b.kind != untouched
}

type parser struct {
	settings settings
	nested   sync.Once
	empty    Body // of requests without a body, see bodiless
}

func (p *parser) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	s := &p.settings
	node := exchange.Find(r.Context())
	if b, ok := earlier(r, node); ok {
		p.nested.Do(func() {
			problem.LoggerFor(s.Logger, r).Warn("bodyparser: another parser has read the body already, and its limits hold",
				"pattern", cmp.Or(r.Pattern, r.URL.Path))
		})
		if err := s.verify(r, b); err != nil {
			problem.Handle(w, r, err, s.OnError, s.Logger)
			return
		}
		next.ServeHTTP(w, r)
		return
	}

	// A node of the same request has room for the body and the writer.
	free := node != nil && (node.Of == nil || node.About(r))
	if free {
		node.Leave(w, r)
		free = node.Get(exchange.Body) == nil
	}
	if s.Raw {
		p.serveRaw(w, r, next)
		return
	}
	if free && s.bodiless(r) {
		node.Set(exchange.Body, &p.empty)
		r.Body = http.NoBody
		next.ServeHTTP(w, r)
		return
	}

	own, body := r, (*Body)(nil)
	if free {
		body = new(Body)
	} else {
		// All that the request allocates, in one piece.
		m := new(struct {
			exchange.Node
			body    Body
			request http.Request
		})
		m.Attach(r.Context(), node)
		m.Leave(w, r)
		m.request = *r.WithContext(&m.Node)
		own, body, node = &m.request, &m.body, &m.Node
		defer exchange.HandBack(r, own)
	}
	body.settings = s
	if err := body.readAndKeep(w, own); err != nil {
		problem.Handle(w, own, err, s.OnError, s.Logger)
		return
	}
	node.Set(exchange.Body, body)
	node.Of = own.Header // replaced by decompression
	next.ServeHTTP(w, own)
}

// bodiless reports whether r has no body and no header of one, like nearly
// every GET. All such requests share one Body, which no method changes.
func (s *settings) bodiless(r *http.Request) bool {
	return (r.Body == nil || r.Body == http.NoBody) && r.ContentLength == 0 && s.Verify == nil &&
		len(r.Header["Content-Type"]) == 0 && len(r.Header["Content-Encoding"]) == 0
}

// serveRaw limits a body that is left unread. From does not find it, so it
// needs no node: the limited body knows its writer.
func (p *parser) serveRaw(w http.ResponseWriter, r *http.Request, next http.Handler) {
	s := &p.settings
	err := readable(r)
	large := s.untouched >= 0 && r.ContentLength > s.untouched
	if s.untouched < 0 || err == nil && !large && (r.Body == nil || r.Body == http.NoBody) {
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
	if err == nil && large {
		requestbody.Refuse(w, r)
		err = tooLarge(s.untouched)
	}
	if err != nil {
		own.Body = &refused{err}
		problem.Handle(w, own, err, s.OnError, s.Logger)
		return
	}
	c.body.Put(w, own, s.untouched)
	next.ServeHTTP(w, own)
}
