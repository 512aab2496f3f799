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

	"github.com/apiece/apiece/internal/reqbody"
)

// This file is the way of a body, from top to bottom: what its header says
// (negotiate), its bytes (receive), whether they are from the right sender
// (verify), and what they are as text (toUTF8, check).

// read reads the body of r into b, in memory of m, and puts in the place of r.Body
// what yields it once more, or else says why it was refused. What is lent stays in
// m; else it is copied from there, in its exact size, and checked.
func (b *Body) read(w http.ResponseWriter, r *http.Request, m *memory, lent bool) error {
	err := readable(r)
	if err == nil {
		err = b.take(reqbody.WriterFor(w, r), r, m, lent)
	}
	if err != nil {
		r.Body = &refused{err}
	}
	return err
}

// readAndKeep is read in memory that goes on to another request at once.
func (b *Body) readAndKeep(w http.ResponseWriter, r *http.Request) error {
	l := reqbody.Lend(nil)
	err := b.read(w, r, memoryOf(l), false)
	l.End(r, nil)
	return err
}

func (b *Body) take(w http.ResponseWriter, r *http.Request, m *memory, lent bool) error {
	s := b.settings
	decode, err := b.negotiate(r.Header)
	if err != nil {
		// Before net/http sends the answer it may read on, and wait for it.
		reqbody.Arm(w, r, s.ReadTimeout)
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
	// A decoder of another make may return strings that share the bytes it was
	// given. What is too large for m to keep need not be copied.
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
	// The length of a chunked body is known now, and a proxy may tell it: not
	// every server takes chunks.
	r.ContentLength, r.TransferEncoding = int64(len(b.raw)), nil
	return nil
}

// leave prepares a request whose body is not read.
func (s *settings) leave(w http.ResponseWriter, r *http.Request) error {
	limit := s.untouched
	switch {
	case limit < 0:
	case r.ContentLength > limit:
		reqbody.Refuse(w, r)
		return tooLarge(limit)
	case r.Body != nil && r.Body != http.NoBody:
		new(reqbody.Limited).Put(w, r, limit)
	}
	return nil
}

const (
	// firstBuffer is as much as a declared length is believed: a client that
	// declares more has to send this much before memory is set aside for the
	// rest, in steps of growth times what has arrived.
	firstBuffer = 64 << 10
	growth      = 16

	// smallBuffer is where reading starts if no length was declared.
	smallBuffer = 4 << 10

	// keptBuffer is the largest buffer that waits for the next request.
	keptBuffer = 256 << 10
)

// receive reads the whole body into buf, which may grow. It is the only place
// where bodies are read.
//
// The limit is counted here rather than by an http.MaxBytesReader around the
// body: that would be one more allocation, and net/http has cut the body at
// its declared length already. The count still holds where another layer has put
// another reader into r.Body and left the length as it was.
func (s *settings) receive(w http.ResponseWriter, r *http.Request, decode decoder, buf []byte) ([]byte, error) {
	if s.limit >= 0 && r.ContentLength > s.limit {
		reqbody.Refuse(w, r)
		return buf, tooLarge(s.limit)
	}
	src := r.Body
	if src == nil || src == http.NoBody {
		if decode == nil {
			return buf, complete(r, 0)
		}
		src = http.NoBody // which is nothing that could be inflated
	}
	// A Timeout that ends sooner has its timer already.
	covered := reqbody.Covered(r, s.ReadTimeout)
	var deadline reqbody.Deadline
	if !covered {
		deadline = reqbody.Arm(w, r, s.ReadTimeout)
	}
	var err error
	if decode != nil {
		buf, err = s.inflate(src, decode, buf)
	} else {
		buf, err = readAll(src, r.ContentLength, s.limit, buf)
	}
	if err != nil {
		if covered { // for net/http, which may read on when the Timeout is over
			reqbody.Arm(w, r, s.ReadTimeout)
		}
		e := readError(r.Context(), err)
		if e.Status == http.StatusRequestEntityTooLarge {
			reqbody.Refuse(w, r)
		}
		return buf, e
	}
	deadline.Disarm()
	if decode == nil {
		err = complete(r, len(buf))
	}
	return buf, err
}

// complete finds out whether another layer has read the body before. net/http
// does not end a body of a declared length without an error before it is all there.
func complete(r *http.Request, size int) error {
	if size == 0 && r.ContentLength > 0 {
		return spent()
	}
	return nil
}

// readAll reads src to its end into buf, of which it expects size bytes; -1 is
// unknown. A negative limit is none.
func readAll(src io.Reader, size, limit int64, buf []byte) ([]byte, error) {
	// One byte more than declared lets the end be seen without growing.
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

// grown returns the capacity that follows on full: room for what is expected, but
// for no more than one byte beyond the limit. What a client declares is compared,
// and never added to: it may be the largest number there is.
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

// inflate reads what is compressed in src. The limit holds for both sides:
// without the one on the compressed bytes, empty members of a gzip stream keep
// a server busy for as long as the client cares to send them.
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
		// Only the end of the body shows that it is whole.
		var n int64
		if n, err = io.Copy(io.Discard, in); n > 0 {
			err = errTrailing
		}
	}
	return buf, corrupt(err)
}

// limited fails with an Error once more than limit bytes were read from it.
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

// A sourceError comes from the client's side of a decoder. What the decoder
// finds wrong itself is never the fault of the connection, though it may have
// the same name: gzip calls a stream that ends early io.ErrUnexpectedEOF.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// gunzip reads all members of a gzip stream. Whatever follows them has to be
// another one, so trailing bytes are an error.
func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// inflate reads the zlib format, which is what "deflate" means (RFC 9110,
// section 8.4.1.2); bare deflate data, which some clients send under that
// name, is refused as it is by Node.js.
func inflate(r io.Reader) (io.ReadCloser, error) {
	src := bufio.NewReader(r) // a ByteReader, so that nothing is read past the end
	z, err := zlib.NewReader(src)
	return &exact{z, src}, err
}

// exact is a compressed stream with nothing behind it.
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

// describeInflated makes the header of r fit a body that is no longer
// compressed, for handlers that read it again. The header of the request that
// came in belongs to others too, so it is replaced, not changed.
func describeInflated(r *http.Request, size int) {
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	r.ContentLength = int64(size)
}

// verify asks Config.Verify about the body.
func (s *settings) verify(r *http.Request, b *Body) error {
	if s.Verify == nil {
		return nil
	}
	return notVerified(s.Verify(r, b.raw))
}

var bom = []byte("\uFEFF")

// toUTF8 returns the text of a body without a byte order mark. The bytes of
// UTF-8 are returned as they are.
func toUTF8(raw []byte, enc encoding.Encoding) ([]byte, error) {
	if enc == nil {
		return bytes.TrimPrefix(raw, bom), nil
	}
	// A byte order mark is the better witness where the two disagree.
	if isUTF16(enc) {
		switch {
		case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
			enc = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
			enc = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
		}
		raw = raw[:len(raw)&^1] // half a character at the end is dropped, as by Next.js
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

// check finds what is wrong with the body of a type that promises something. A
// form that looks like JSON is left to the handler, which may take it for that.
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

// A memory is what one body is read into. The buffer goes on to the next, and so
// does the rest of what was lent.
type memory struct {
	body     Body
	settings settings
	replay   *replay // what yields a body that is lent
	buf      []byte
}

// memoryOf returns what the loan has for a body.
func memoryOf(l *reqbody.Loan) *memory {
	m, ok := l.Memory.(*memory)
	if !ok {
		m = new(memory)
		l.Memory = m
	}
	return m
}

// buffer returns what to read a body of the declared size into. It is made here
// rather than by readAll where that lets it be kept.
func (m *memory) buffer(size int64) []byte {
	if want := int(min(size, firstBuffer)) + 1; cap(m.buf) < want {
		m.buf = make([]byte, 0, max(want, smallBuffer))
	}
	return m.buf[:0]
}

// keep is told what the buffer has become, and keeps it unless it is large.
func (m *memory) keep(raw []byte) {
	if cap(raw) > cap(m.buf) && cap(raw) <= keptBuffer {
		m.buf = raw
	}
}

// TakeBack implements the Memory of a [reqbody.Loan].
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
