package shadow

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"strconv"

	"github.com/apiece/apiece/internal/response"
)

// A recording is the response of one of the handlers.
type recording struct {
	status     int
	header     http.Header
	body       []byte // at most Config.BodyLimit
	size       int64
	sum        uint64 // of the whole body
	declared   int64  // by Content-Length, -1 without one
	incomplete Reason // why it cannot be compared
}

// cut reports whether the response to a request with the method is shorter than its
// Content-Length: a server drops the connection then.
func (r *recording) cut(method string) bool {
	return r.size < r.declared && method != http.MethodHead && hasBody(r.status)
}

// hasBody reports whether responses with the status may have a body.
func hasBody(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// declared returns the Content-Length of a header, -1 without one.
func declared(h http.Header) int64 {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		return n
	}
	return -1
}

// A collector keeps the start of a body, and a checksum of all of it.
type collector struct {
	limit int64
	body  []byte
	start []byte // for the sniffed Content-Type
	size  int64
	hash  maphash.Hash

	declared int64 // set once the header is sent
}

// exceeds reports whether p is longer than Content-Length allows. A server drops it
// then.
func (c *collector) exceeds(p []byte) bool {
	return c.declared >= 0 && c.size+int64(len(p)) > c.declared
}

// sniffed is the number of bytes that http.DetectContentType reads.
const sniffed = 512

func (c *collector) add(seed maphash.Seed, p []byte) {
	if c.size == 0 {
		c.hash.SetSeed(seed)
	}
	c.size += int64(len(p))
	c.hash.Write(p)
	c.start = append(c.start, p[:min(len(p), sniffed-len(c.start))]...)
	if c.size <= c.limit {
		c.body = append(c.body, p...)
	} else {
		c.body = nil
	}
}

// typed returns the header with the Content-Type that net/http sets if there is none.
func (c *collector) typed(header http.Header) http.Header {
	_, has := header["Content-Type"]
	if !has && c.size > 0 && header.Get("Content-Encoding") == "" && header.Get("Transfer-Encoding") == "" {
		header.Set("Content-Type", http.DetectContentType(c.start))
	}
	return header
}

// A tee records what the client is sent.
type tee struct {
	client http.ResponseWriter
	c      *comparison
	sent   http.Header // nil until the header is sent
	collector
	failed bool
}

func (t *tee) Header() http.Header         { return t.client.Header() }
func (t *tee) Unwrap() http.ResponseWriter { return t.client }

func (t *tee) WriteHeader(status int) {
	if status >= 200 {
		t.commit()
	}
	t.client.WriteHeader(status)
}

func (t *tee) Write(p []byte) (int, error) {
	t.commit()
	n, err := t.client.Write(p)
	t.failed = t.failed || err != nil && !errors.Is(err, http.ErrBodyNotAllowed) && !t.exceeds(p)
	if t.c.holdsSlot {
		t.limit = int64(t.c.s.cfg.BodyLimit)
		t.add(t.c.s.rules.seed, p[:max(n, 0)])
	}
	return n, err
}

// commit records the header. An event stream, which may last for hours, is not compared
// and does not count toward Concurrency.
func (t *tee) commit() {
	if t.sent != nil {
		return
	}
	t.sent = t.Header().Clone()
	if t.sent == nil {
		t.sent = http.Header{}
	}
	t.declared = declared(t.sent)
	if response.IsEventStream(t.sent.Get("Content-Type")) {
		t.c.release()
	}
}

// response returns what the client was sent.
func (t *tee) response(rw *response.Writer) recording {
	t.commit()
	out := recording{status: rw.Status(), header: t.typed(t.sent), body: t.body, size: t.size, sum: t.hash.Sum64(), declared: t.declared}
	switch {
	case rw.Hijacked():
		out.incomplete = Upgrade
	case rw.Streaming() || !t.c.holdsSlot:
		out.incomplete = Streamed
	case t.failed || response.Lost(rw):
		out.incomplete = Unfinished
	case out.header.Get("Content-Encoding") != "":
		out.incomplete = Encoded
	}
	if out.status == 0 {
		out.status = http.StatusOK // the server's status for a handler that did nothing
	}
	return out
}

// A recorder is the shadow's http.ResponseWriter. Once its context has ended, writes
// fail.
type recorder struct {
	ctx    context.Context
	rules  *rules
	header http.Header
	sent   http.Header // nil until the header is sent
	status int
	collector
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // as a server does
	}
	if r.sent == nil && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status, r.sent = status, r.header.Clone()
		r.declared = declared(r.sent)
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	switch { // the errors of a server
	case !hasBody(r.status):
		return 0, http.ErrBodyNotAllowed
	case r.exceeds(p):
		return 0, http.ErrContentLength
	}
	r.add(r.rules.seed, p)
	return len(p), nil
}

// FlushError lets streams believe that they are sent.
func (r *recorder) FlushError() error {
	r.WriteHeader(http.StatusOK)
	return r.ctx.Err()
}

func (r *recorder) Flush() { _ = r.FlushError() }

func (r *recorder) response() recording {
	r.WriteHeader(http.StatusOK)
	return recording{status: r.status, header: r.typed(r.sent), body: r.body, size: r.size, sum: r.hash.Sum64(), declared: r.declared}
}
