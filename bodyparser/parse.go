package bodyparser

import (
	"bytes"
	"net/http"
	"reflect"

	"golang.org/x/text/encoding"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/reqbody"
)

// Parse reads and checks the body of r. It never answers: a body that is
// refused is returned as an [*Error], or as what Config.Verify has returned if
// that has a status of its own, which reply.Problem and the OnError of
// other pieces know how to answer. w is what bounds slow and endless bodies,
// and may be nil if there is none at hand.
//
// A body is refused for good: reading r.Body, and parsing it again, give the
// same error. A body that somebody has read before is 400, where its length
// tells; only what parses it is to read it.
//
// Afterwards r.Body yields the same bytes once more, r.ContentLength is their
// number, and [From] returns the Body. If r was parsed already, the Body of that
// time is returned; the Config that was used for it holds, except that Verify is
// asked as well.
//
// A body that Config.Raw or its multipart type leaves unread gives a Body that
// knows no more than its type, and an r.Body that is limited but otherwise
// untouched.
func Parse(w http.ResponseWriter, r *http.Request, cfg Config) (*Body, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := cfg.settings()
	b, ok := earlier(r, exchange.Find(r.Context()))
	var err error
	if ok {
		err = s.verify(r, b)
	} else {
		b = new(Body)
		err = s.parse(w, r, b)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// parse reads the body into b and makes it known to r, or else why it was
// refused.
func (s *settings) parse(w http.ResponseWriter, r *http.Request, b *Body) error {
	err := readable(r)
	if err == nil {
		err = s.take(w, r, b)
	}
	if err != nil {
		r.Body = &refused{err}
	}
	return err
}

func (s *settings) take(w http.ResponseWriter, r *http.Request, b *Body) error {
	b.settings = s
	l := loans.Get().(*loan)
	err := b.receive(w, r, l, true)
	l.end()
	if err != nil || b.kind == untouched {
		return err
	}
	switch b.kind {
	case jsonValue:
		if b.Present() {
			err = s.checkJSON(b.text)
			b.checked = true
		}
	case form:
		_, err = b.Form()
	}
	if err != nil {
		return err
	}
	b.replay.body = b
	r.Body = &b.replay
	// The length of a chunked body is known now, and whoever sends the request
	// on may tell it: not every server takes chunks.
	r.ContentLength, r.TransferEncoding = int64(len(b.raw)), nil
	return nil
}

// receive reads the body into what l lends, up to the point where its content
// matters. With keep it is copied from there, in its exact size.
func (b *Body) receive(w http.ResponseWriter, r *http.Request, l *loan, keep bool) error {
	s := b.settings
	enc, decode, err := b.describe(r.Header)
	if err != nil {
		// Before net/http sends the answer it may read on, and wait for it.
		reqbody.Arm(w, r, s.ReadTimeout)
		return err
	}
	if b.kind == untouched {
		return b.leave(w, r)
	}
	b.raw, err = s.read(w, r, decode, l.buffer(r.ContentLength))
	l.grown(b.raw)
	if err != nil {
		return err
	}
	if keep && cap(b.raw) <= keptBuffer {
		b.raw = bytes.Clone(b.raw)
	}
	if decode != nil {
		describeInflated(r, len(b.raw))
	}
	if err := s.verify(r, b); err != nil {
		return err
	}
	b.text, err = toUTF8(b.raw, enc)
	return err
}

// describe finds out from the header what the body is. The order is fixed, and
// all of it comes before the length is looked at: what is refused for its kind
// is not refused for its size.
func (b *Body) describe(h http.Header) (enc encoding.Encoding, decode decoder, err error) {
	s := b.settings
	b.media = contentType(h)
	if s.Raw {
		b.kind = untouched
		return nil, nil, nil
	}
	if !b.media.ok {
		return nil, nil, refuse(http.StatusUnsupportedMediaType, "Unsupported media type", errMediaType)
	}
	if b.kind = b.media.kind(); b.kind == untouched {
		if s.Verify == nil {
			return nil, nil, nil
		}
		b.kind = text // nothing passes unverified
	}
	if enc, err = lookupCharset(b.media.charset); err != nil {
		return nil, nil, err
	}
	decode, err = s.decoder(h)
	return enc, decode, err
}

// ignores reports whether nothing at all is to be done about the body.
func (s *settings) ignores() bool {
	return s.Raw && s.untouched < 0
}

// leave prepares a request whose body is not read.
func (b *Body) leave(w http.ResponseWriter, r *http.Request) error {
	limit := b.settings.untouched
	if limit < 0 {
		return nil
	}
	if r.ContentLength > limit {
		reqbody.Refuse(w, r)
		return tooLarge(limit)
	}
	if r.Body != nil && r.Body != http.NoBody {
		reqbody.Limit(w, r, limit)
	}
	return nil
}

// verify asks Config.Verify about the body.
func (s *settings) verify(r *http.Request, b *Body) error {
	if s.Verify == nil {
		return nil
	}
	return notVerified(s.Verify(r, b.raw))
}

// describeInflated makes the header of r fit a body that is no longer
// compressed, for handlers that read it again. The header of the request that
// came in belongs to others too, so it is replaced, not changed.
func describeInflated(r *http.Request, size int) {
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	r.ContentLength = int64(size)
}

// From returns the Body that [New] or [Parse] has read for this request. A
// multipart body, which New leaves unread, is one that knows no more than its
// type, so that there is one in every handler behind a New. It reports false if
// no parser stands in front, or its Config says Raw.
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
	// Another layer may have wrapped r.Body. But a handler may also have made a
	// request of its own within the context of this one, and that request has
	// its own header.
	b, ok := node.Get(exchange.Body).(*Body)
	if ok && r.Header != nil && reflect.ValueOf(node.BodyOf).Pointer() == reflect.ValueOf(r.Header).Pointer() {
		return b, true
	}
	return nil, false
}

// earlier returns the Body if it has been read, which leaves nothing to do. The
// node is that of the request.
func earlier(r *http.Request, node *exchange.Node) (*Body, bool) {
	b, ok := from(r, node)
	return b, ok && b.kind != untouched
}
