package upload

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/requestbody"
)

// Parts returns the parts of the multipart form in the body of r, in the order
// in which they arrive. Each can be read until the next one is requested; the
// unread rest is skipped. The iteration ends with the first error, an [*Error].
// Parts never responds; w is needed to bound slow and endless clients, and if it
// is nil, the writer of a layer outside is used: see
// bodyparser.Config.ReadTimeout.
//
// If a handler stops early, net/http reads a little of the rest of the form,
// else closes the connection.
func Parts(w http.ResponseWriter, r *http.Request, cfg Config) iter.Seq2[*Part, error] {
	return func(yield func(*Part, error) bool) {
		f, err := open(w, r, cfg.bounds())
		for err == nil {
			var p *Part
			if p, err = f.next(); err == nil && !yield(p, nil) {
				f.leave()
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}

// Form reads the whole form: it returns the fields, and calls file with each
// file in the order of arrival, before any fields are returned. If file returns
// an error, reading stops and the error is returned. A nil file refuses files
// with 400.
func Form(w http.ResponseWriter, r *http.Request, cfg Config, file func(*Part) error) (url.Values, error) {
	fields := make(url.Values)
	for p, err := range Parts(w, r, cfg) {
		if err != nil {
			return nil, err
		}
		if p.IsFile() {
			if file == nil {
				return nil, malformed("Files are not accepted here", nil)
			}
			if err := file(p); err != nil {
				return nil, err
			}
			continue
		}
		text, err := p.Text()
		if err != nil {
			return nil, err
		}
		fields.Add(p.Name(), text)
	}
	return fields, nil
}

// A form is one form being read.
type form struct {
	Config
	w            http.ResponseWriter
	r            *http.Request
	src          *source
	reader       *multipart.Reader
	part         *Part
	parts, files int
	fields       int64 // bytes of fields so far
	err          error // the error that ended the form
}

// longestType limits the length of the Content-Type, which is read before
// anything else.
const longestType = 1000

func open(w http.ResponseWriter, r *http.Request, cfg Config) (*form, error) {
	w = requestbody.WriterFor(w, r)
	src := &source{w: w, r: r, body: r.Body, limit: cfg.Limit, header: -1, timeout: cfg.ReadTimeout}
	boundary, err := boundaryOf(r.Header)
	switch {
	case err != nil:
	case cfg.Limit >= 0 && r.ContentLength > int64(cfg.Limit):
		requestbody.Refuse(w, r)
		return nil, tooLarge("Body", cfg.Limit)
	case r.Body == nil:
		err = malformed("Invalid body", io.ErrUnexpectedEOF)
	}
	if err != nil {
		src.arm() // net/http may read on, and wait, before it sends a refusal
		return nil, err
	}
	return &form{Config: cfg, w: w, r: r, src: src, reader: multipart.NewReader(src, boundary)}, nil
}

// boundaryOf returns the boundary between the parts. A compressed form, which
// no browser sends, is refused rather than read as uncompressed.
func boundaryOf(h http.Header) (string, error) {
	contentType := h.Get("Content-Type")
	if len(contentType) > longestType {
		return "", unsupported("media type", "Accept", "multipart/form-data", nil)
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" {
		return "", unsupported("media type", "Accept", "multipart/form-data", err)
	}
	coding := strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))
	if coding != "" && !strings.EqualFold(coding, "identity") {
		return "", unsupported("content encoding", "Accept-Encoding", "identity", fmt.Errorf("Content-Encoding %.40q", coding))
	}
	boundary := params["boundary"]
	if len(boundary) < 1 || len(boundary) > 70 { // RFC 2046, section 5.1.1
		return "", malformed("Invalid multipart boundary", nil)
	}
	return boundary, nil
}

// leave is for a handler that stops early. net/http may read on then, and wait
// for the client; after a failed read the deadline is still set.
func (f *form) leave() {
	if f.err == nil {
		f.src.arm()
	}
}

// next returns the next part, and io.EOF after the last.
func (f *form) next() (*Part, error) {
	if f.err != nil {
		return nil, f.err
	}
	p, err := f.advance()
	if err != nil {
		return nil, f.fail(err)
	}
	f.part = p
	f.src.rest()
	return p, nil
}

// fail ends the form. The rest of a form that is too large need not be read
// before the response is sent.
func (f *form) fail(err error) error {
	if err != io.EOF {
		if f.src.armed.IsZero() {
			f.src.arm() // the error was in bytes read ahead
		}
		e := explain(f.r.Context(), err)
		if e.Status == http.StatusRequestEntityTooLarge {
			requestbody.Refuse(f.w, f.r)
		}
		err = e
	}
	f.err = err
	return err
}

func (f *form) advance() (*Part, error) {
	if f.part != nil {
		// Not in NextPart, where it would be under the limit of the header and,
		// beyond that, of the part.
		if _, err := io.Copy(io.Discard, f.part); err != nil {
			return nil, err
		}
		f.part.over = true
	}
	raw, err := f.nextHeader()
	if err == io.EOF {
		return nil, f.finish()
	}
	if err != nil {
		return nil, err
	}
	p, err := newPart(f, raw)
	if err != nil {
		return nil, err
	}
	if f.parts++; f.Parts >= 0 && f.parts > f.Parts {
		return nil, tooMany("parts", f.Parts)
	}
	if p.IsFile() {
		if f.files++; f.Files >= 0 && f.files > f.Files {
			return nil, tooMany("files", f.Files)
		}
	}
	return p, nil
}

// readAhead is how much package multipart may read ahead: its buffer, and a
// boundary.
const readAhead = 4096 + 128

// nextHeader reads up to the body of the next part. Package multipart itself
// would accept a header of ten megabytes. The source gives it no more than the
// limit allows, and since it reads ahead, the header is measured again.
func (f *form) nextHeader() (*multipart.Part, error) {
	if f.HeaderLimit < 0 {
		return f.reader.NextPart()
	}
	f.src.header = int64(min(f.HeaderLimit, math.MaxInt64-readAhead)) + readAhead
	raw, err := f.reader.NextPart()
	f.src.header = -1
	if err != nil {
		return nil, err
	}
	var size bytesize.Size
	for name, values := range raw.Header {
		for _, v := range values {
			size += bytesize.Size(len(name) + len(": ") + len(v) + len("\r\n"))
		}
	}
	if size > f.HeaderLimit {
		return nil, errHeader
	}
	return raw, nil
}

// finish reads the bytes after the last boundary. There should be none, but
// only the end of the body shows that the client has sent everything.
func (f *form) finish() error {
	if _, err := io.Copy(io.Discard, f.src); err != nil {
		return err
	}
	f.src.rest()
	return io.EOF
}

// A source is the body as package multipart reads it. A deadline applies during
// reads only, not while the handler processes a part: at the deadline HTTP/2
// would end the body, and HTTP/1 the request's context if the body is over.
type source struct {
	w        http.ResponseWriter
	r        *http.Request
	body     io.Reader
	limit    bytesize.Size
	read     int64
	header   int64 // what a header may still read, -1 outside of one
	timeout  time.Duration
	deadline requestbody.Deadline
	armed    time.Time // zero without a deadline
	over     bool      // nothing is left that needs a deadline
}

var errHeader = &Error{
	Status: http.StatusRequestEntityTooLarge, Message: "The header of a part is too large", Err: errors.New("more than Config.HeaderLimit"),
}

func (s *source) Read(p []byte) (int, error) {
	if s.header >= 0 {
		if s.header == 0 {
			return 0, errHeader
		}
		p = p[:min(int64(len(p)), s.header)]
	}
	s.arm()
	n, err := s.body.Read(p)
	s.read += int64(n)
	if s.header > 0 {
		s.header -= int64(n)
	}
	if err == io.EOF {
		s.rest()
		s.over = true
	}
	if s.limit >= 0 && s.read > int64(s.limit) {
		return 0, tooLarge("Body", s.limit)
	}
	return n, err
}

// arm gives the client the whole timeout again. It moves the deadline on as
// bytes arrive, but not for each byte: setting it costs about as much as a
// read.
func (s *source) arm() {
	now := time.Now()
	switch {
	case s.over:
	case s.armed.IsZero():
		s.deadline = requestbody.Arm(s.w, s.r, s.timeout)
		s.armed = now
	case now.Sub(s.armed) > s.timeout/16:
		s.deadline.Extend(s.timeout)
		s.armed = now
	}
}

// rest runs before the handler continues. After a failed read the deadline
// stays, or net/http would wait for the rest of the body.
func (s *source) rest() {
	if !s.armed.IsZero() {
		s.deadline.Disarm()
		s.armed = time.Time{}
	}
}
