package bodyparser

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/apiece/apiece/internal/requestbody"
)

// This file follows a body from top to bottom: its header (negotiate), its
// bytes (receive), its sender (verify), and its text (toUTF8, check).

// read reads the body of r into b, in memory of m, and replaces r.Body with a
// reader of the same bytes, or else returns why the body was refused. A lent body
// stays in m; otherwise it is copied from there, in its exact size, and checked.
func (b *Body) read(w http.ResponseWriter, r *http.Request, m *memory, lent bool) error {
	err := readable(r)
	if err == nil {
		err = b.take(requestbody.WriterFor(w, r), r, m, lent)
	}
	if err != nil {
		r.Body = &refused{err}
	}
	return err
}

// readAndKeep is read in memory that the next request reuses at once.
func (b *Body) readAndKeep(w http.ResponseWriter, r *http.Request) error {
	l := requestbody.Lend(nil)
	err := b.read(w, r, memoryOf(l), false)
	l.End(r, nil)
	return err
}

func (b *Body) take(w http.ResponseWriter, r *http.Request, m *memory, lent bool) error {
	s := b.settings
	decode, err := b.negotiate(r.Header)
	if err != nil {
		// Before net/http sends the response it may read on, and wait for the
		// body.
		requestbody.Arm(w, r, s.ReadTimeout)
		return err
	}
	if b.kind == untouched {
		return s.leave(w, r)
	}

	b.raw, err = s.receive(w, r, decode, m.buffer(r.ContentLength))
	m.keep(b.raw)
	if err != nil {
		return err
	}
	// A custom decoder may return strings that share its input. A body that m
	// is too small to keep need not be copied.
	if (!lent || s.Unmarshal != nil) && cap(b.raw) <= keptBuffer {
		b.raw = bytes.Clone(b.raw)
	}
	if decode != nil {
		describeInflated(r, len(b.raw))
	}

	if err := s.verify(r, b); err != nil {
		return err
	}

	if b.text, err = toUTF8(b.raw, b.charset); err != nil {
		return err
	}
	p := &b.replay
	if lent {
		p = new(replay) // a copy of the request may be read for longer
		m.replay = p
	} else if err := b.check(); err != nil {
		return err
	}
	p.body = b
	r.Body = p
	// The length of a chunked body is known now. Set it for a proxy: not every
	// server accepts chunks.
	r.ContentLength, r.TransferEncoding = int64(len(b.raw)), nil
	return nil
}

// leave prepares a request whose body is left unread.
func (s *settings) leave(w http.ResponseWriter, r *http.Request) error {
	limit := s.untouched
	switch {
	case limit < 0:
	case r.ContentLength > limit:
		requestbody.Refuse(w, r)
		return tooLarge(limit)
	case r.Body != nil && r.Body != http.NoBody:
		new(requestbody.Limited).Put(w, r, limit)
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

	// keptBuffer is the largest buffer that is kept for the next request.
	keptBuffer = 256 << 10
)

// receive reads the whole body into buf, which may grow. It is the only place
// where bodies are read.
//
// It enforces the limit itself: an http.MaxBytesReader around the body would be
// one more allocation, and net/http has cut the body at its declared length
// already. The limit still applies if another layer has replaced r.Body and left
// the length unchanged.
func (s *settings) receive(w http.ResponseWriter, r *http.Request, decode decoder, buf []byte) ([]byte, error) {
	if s.limit >= 0 && r.ContentLength > s.limit {
		requestbody.Refuse(w, r)
		return buf, tooLarge(s.limit)
	}
	src := r.Body
	if src == nil || src == http.NoBody {
		if decode == nil {
			return buf, complete(r, 0)
		}
		src = http.NoBody // nothing to decompress
	}
	// A Timeout that ends sooner has a timer already.
	covered := requestbody.Covered(r, s.ReadTimeout)
	var deadline requestbody.Deadline
	if !covered {
		deadline = requestbody.Arm(w, r, s.ReadTimeout)
	}
	var err error
	if decode != nil {
		buf, err = s.inflate(src, decode, buf)
	} else {
		buf, err = readAll(src, r.ContentLength, s.limit, buf)
	}
	if err != nil {
		if covered { // for net/http, which may read on after the Timeout
			requestbody.Arm(w, r, s.ReadTimeout)
		}
		e := readError(r.Context(), err)
		if e.Status == http.StatusRequestEntityTooLarge {
			requestbody.Refuse(w, r)
		}
		return buf, e
	}
	deadline.Disarm()
	if decode == nil {
		err = complete(r, len(buf))
	}
	return buf, err
}

// complete checks whether another layer has read the body before. net/http ends a
// body of a declared length early only with an error.
func complete(r *http.Request, size int) error {
	if size == 0 && r.ContentLength > 0 {
		return spent()
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
			bigger := make([]byte, len(buf), grown(int64(cap(buf)), size, limit))
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

// grown returns the next capacity after full: room for the expected size, but at
// most one byte beyond the limit. The declared size is compared and never added
// to: it may be the largest number there is.
func grown(full, size, limit int64) int64 {
	want := max(2*full, smallBuffer)
	if size >= full {
		want = min(size, growth*full-1) + 1
	}
	if limit >= full {
		want = min(want-1, limit) + 1
	}
	return want
}

// inflate decompresses src. The limit applies to both sides: without a limit on
// the compressed bytes, empty members of a gzip stream could keep a server busy
// forever.
func (s *settings) inflate(src io.Reader, decode decoder, buf []byte) ([]byte, error) {
	in := &limited{src, s.limit, s.limit}
	z, err := decode(in)
	if err != nil {
		return buf, corrupt(err)
	}
	buf, err = readAll(z, -1, s.limit, buf)
	if closeErr := z.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		// Only the end of the body shows that it is complete.
		var n int64
		if n, err = io.Copy(io.Discard, in); n > 0 {
			err = errTrailing
		}
	}
	return buf, corrupt(err)
}

// limited fails with an Error after limit bytes.
type limited struct {
	src         io.Reader
	limit, left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.src.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.limit)
	}
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// A sourceError comes from the client's side of a decoder. An error of the
// decoder itself is never the fault of the connection, even if it has the same
// name: gzip calls a stream that ends early io.ErrUnexpectedEOF.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// gunzip reads all members of a gzip stream. Only another member may follow, so
// trailing bytes are an error.
func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// inflate reads the zlib format, which is what "deflate" means (RFC 9110,
// section 8.4.1.2). Like Node.js, it refuses raw deflate data, which some
// clients send under that name.
func inflate(r io.Reader) (io.ReadCloser, error) {
	src := bufio.NewReader(r) // a ByteReader, so that it reads nothing past the end
	z, err := zlib.NewReader(src)
	return &exact{z, src}, err
}

// exact is a compressed stream without trailing bytes.
type exact struct {
	io.ReadCloser
	src *bufio.Reader
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err == io.EOF {
		if _, more := e.src.ReadByte(); more == nil {
			err = errTrailing
		} else {
			err = more
		}
	}
	return n, err
}

var errTrailing = errors.New("data behind the end of the compressed stream")

// describeInflated makes the header of r fit the decompressed body, for
// handlers that read it again. Other code shares the header of the original
// request, so it is replaced, not changed.
func describeInflated(r *http.Request, size int) {
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	r.ContentLength = int64(size)
}

// verify calls Config.Verify with the body.
func (s *settings) verify(r *http.Request, b *Body) error {
	if s.Verify == nil {
		return nil
	}
	return notVerified(s.Verify(r, b.raw))
}

var bom = []byte("\uFEFF")

// toUTF8 returns the text of a body without a byte order mark. UTF-8 is
// returned without a copy.
func toUTF8(raw []byte, enc encoding.Encoding) ([]byte, error) {
	if enc == nil {
		return bytes.TrimPrefix(raw, bom), nil
	}
	// If the two disagree, the byte order mark is more reliable.
	if isUTF16(enc) {
		switch {
		case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
			enc = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
			enc = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
		}
		raw = raw[:len(raw)&^1] // drops half a character at the end, as Next.js does
	}
	text, err := enc.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, invalidBody, err)
	}
	return bytes.TrimPrefix(text, bom), nil
}

func isUTF16(enc encoding.Encoding) bool {
	name, _ := htmlindex.Name(enc)
	return strings.HasPrefix(name, "utf-16")
}

// check validates the text of the body for its type. A form that looks like
// JSON is left to the handler, which may read it as JSON.
func (b *Body) check() (err error) {
	switch {
	case b.kind == jsonValue && b.Present():
		err = b.settings.checkJSON(b.text)
		b.checked = true
	case b.kind == form && !looksLikeJSON(b.text):
		_, err = b.Form()
	}
	return err
}

// A memory is what one body is read into. The next request reuses the buffer and
// the rest of what was lent.
type memory struct {
	body     Body
	settings settings
	replay   *replay // yields a lent body
	buf      []byte
}

// memoryOf returns the loan's memory for a body.
func memoryOf(l *requestbody.Loan) *memory {
	m, ok := l.Memory.(*memory)
	if !ok {
		m = new(memory)
		l.Memory = m
	}
	return m
}

// buffer returns the buffer for a body of the declared size. It is made here
// rather than in readAll if it can be kept.
func (m *memory) buffer(size int64) []byte {
	if want := int(min(size, firstBuffer)) + 1; cap(m.buf) < want {
		m.buf = make([]byte, 0, max(want, smallBuffer))
	}
	return m.buf[:0]
}

// keep takes back the buffer after use, and keeps it unless it is large.
func (m *memory) keep(raw []byte) {
	if cap(raw) > cap(m.buf) && cap(raw) <= keptBuffer {
		m.buf = raw
	}
}

// TakeBack implements the Memory of a [requestbody.Loan].
func (m *memory) TakeBack(r *http.Request, err error) {
	if m.body.settings == nil {
		return // nothing was lent
	}
	if p := m.replay; p != nil {
		if p.body = nil; !m.body.Present() && r.Body == p {
			r.Body = http.NoBody
		}
	}
	if err != nil {
		r.Body = &refused{err}
	}
	*m = memory{buf: m.buf}
}
