package bodyparser

import (
	"bytes"
	"io"
	"net/http"

	"github.com/apiece/apiece/internal/requestbody"
)

// This file follows a body from top to bottom: its header (negotiate), its
// bytes (read), its sender (verify), and its text (toUTF8, check).

// parse reads the body of r into b, in memory of m, and replaces r.Body with a
// reader of the same bytes, or else returns why the body was refused. A pooled
// body stays in m; otherwise it is copied from there, in its exact size, and
// checked.
func (b *Body) parse(w http.ResponseWriter, r *http.Request, m *memory, pooled bool) (err error) {
	defer func() {
		if err != nil {
			r.Body = &refused{err}
		}
	}()
	if err := readable(r); err != nil {
		return err
	}
	p := b.parser
	w = requestbody.WriterFor(w, r)
	decode, err := b.negotiate(r.Header)
	if err != nil {
		// Before net/http sends the response it may read on, and wait for the
		// body.
		requestbody.Arm(w, r, p.ReadTimeout)
		return err
	}
	if b.kind == unread {
		return p.passThrough(w, r, nil)
	}

	b.raw, err = p.read(w, r, decode, m.buffer(r.ContentLength))
	m.keep(b.raw)
	if err != nil {
		return err
	}
	// A custom decoder may return strings that share its input. A body that m
	// is too small to keep need not be copied.
	if (!pooled || p.Unmarshal != nil) && cap(b.raw) <= keptBuffer {
		b.raw = bytes.Clone(b.raw)
	}
	if decode != nil {
		describeInflated(r, len(b.raw))
	}

	if err := p.verify(r, b); err != nil {
		return err
	}

	if b.text, err = toUTF8(b.raw, b.charset); err != nil {
		return err
	}
	again := &b.replay
	if pooled {
		again = new(replay) // a copy of the request may be read for longer
		m.replay = again
	} else if err := b.check(); err != nil {
		return err
	}
	again.body = b
	r.Body = again
	// The length of a chunked body is known now. Set it for a proxy: not every
	// server accepts chunks.
	r.ContentLength, r.TransferEncoding = int64(len(b.raw)), nil
	return nil
}

// parseToKeep is parse in memory that the next request reuses at once.
func (b *Body) parseToKeep(w http.ResponseWriter, r *http.Request) error {
	pooled := requestbody.NewPooledWriter(nil)
	err := b.parse(w, r, memoryOf(pooled), false)
	pooled.Release(r, nil)
	return err
}

// check validates the text of the body for its type. A form that looks like
// JSON is left to the handler, which may read it as JSON.
func (b *Body) check() (err error) {
	switch {
	case b.kind == jsonValue && b.Present():
		err = b.parser.checkJSON(b.text)
		b.checked = true
	case b.kind == form && !looksLikeJSON(b.text):
		_, err = b.Form()
	}
	return err
}

// passThrough limits a body that is left unread, by a Limited that the caller
// may provide.
func (p *parser) passThrough(w http.ResponseWriter, r *http.Request, body *requestbody.Limited) error {
	limit := p.unreadLimit
	switch {
	case limit < 0:
	case r.ContentLength > limit:
		requestbody.Refuse(w, r)
		return tooLarge(limit)
	case r.Body != nil && r.Body != http.NoBody:
		if body == nil {
			body = new(requestbody.Limited)
		}
		body.Put(w, r, limit)
	}
	return nil
}

const (
	// firstBuffer is the largest declared length that is allocated at once: a
	// client that declares more has to send this much before the rest is
	// allocated, in steps of growth times the bytes received.
	firstBuffer = 64 << 10
	growth      = 16

	// smallBuffer is the first buffer without a declared length.
	smallBuffer = 4 << 10
)

// read reads the whole body into buf, which may grow. It is the only place
// where bodies are read.
//
// It enforces the limit itself: an http.MaxBytesReader around the body would be
// one more allocation, and net/http has cut the body at its declared length
// already. The limit still applies if another layer has replaced r.Body and left
// the length unchanged.
func (p *parser) read(w http.ResponseWriter, r *http.Request, decode decoder, buf []byte) ([]byte, error) {
	if p.limit >= 0 && r.ContentLength > p.limit {
		requestbody.Refuse(w, r)
		return buf, tooLarge(p.limit)
	}
	src := r.Body
	if src == nil || src == http.NoBody {
		if decode == nil {
			return buf, checkLength(r, 0)
		}
		src = http.NoBody // nothing to decompress
	}
	// A Timeout that ends sooner has a timer already.
	clock := requestbody.ClockOf(r)
	covered := clock.Covers(p.ReadTimeout)
	var deadline requestbody.Deadline
	if !covered {
		deadline = requestbody.Arm(w, r, p.ReadTimeout)
	}
	var err error
	clock.Reading(true)
	if decode != nil {
		buf, err = p.decompress(src, decode, buf)
	} else {
		buf, err = readAll(src, r.ContentLength, p.limit, buf)
	}
	clock.Reading(false)
	if err != nil {
		if covered { // for net/http, which may read on after the Timeout
			requestbody.Arm(w, r, p.ReadTimeout)
		}
		e := readError(r.Context(), err)
		if e.Status == http.StatusRequestEntityTooLarge {
			requestbody.Refuse(w, r)
		}
		return buf, e
	}
	deadline.Disarm()
	if decode == nil {
		err = checkLength(r, len(buf))
	}
	return buf, err
}

// checkLength checks whether another layer has read the body before. net/http ends a
// body of a declared length early only with an error.
func checkLength(r *http.Request, size int) error {
	if size == 0 && r.ContentLength > 0 {
		return alreadyRead()
	}
	return nil
}

// readAll reads src to its end into buf, expecting size bytes; -1 is unknown. A
// negative limit is none.
func readAll(src io.Reader, size, limit int64, buf []byte) ([]byte, error) {
	// One byte more than declared detects the end without growing.
	if want := int(min(size, firstBuffer)) + 1; size >= 0 && cap(buf) < want {
		buf = make([]byte, 0, want)
	}
	for {
		if len(buf) == cap(buf) {
			bigger := make([]byte, len(buf), nextCap(int64(cap(buf)), size, limit))
			copy(bigger, buf)
			buf = bigger
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if limit >= 0 && int64(len(buf)) > limit {
			return buf, tooLarge(limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// nextCap returns the next capacity after full: room for the expected size, but at
// most one byte beyond the limit. The declared size is compared and never added
// to: it may be the largest number there is.
func nextCap(full, size, limit int64) int64 {
	want := max(2*full, smallBuffer)
	if size >= full {
		want = min(size, growth*full-1) + 1
	}
	if limit >= full {
		want = min(want-1, limit) + 1
	}
	return want
}
