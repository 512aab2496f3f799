package upload

import (
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/requestbody"
)

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

func open(w http.ResponseWriter, r *http.Request, cfg Config) (*form, error) {
	w = requestbody.WriterFor(w, r)
	src := &source{w: w, r: r, body: r.Body, clock: requestbody.ClockOf(r), limit: cfg.Limit, header: -1, timeout: cfg.ReadTimeout}
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
	contentType, ok := mediatype.Of(h)
	if !ok || contentType.Name != "multipart/form-data" {
		return "", unsupported("media type", "Accept", "multipart/form-data", fmt.Errorf("Content-Type %.80q", h["Content-Type"]))
	}
	coding := strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))
	if coding != "" && !strings.EqualFold(coding, "identity") {
		return "", unsupported("content encoding", "Accept-Encoding", "identity", fmt.Errorf("Content-Encoding %.40q", coding))
	}
	boundary := contentType.Param("boundary")
	if len(boundary) < 1 || len(boundary) > 70 { // RFC 2046, section 5.1.1
		return "", malformed("Invalid multipart boundary", nil)
	}
	return boundary, nil
}

// stopEarly bounds a client that net/http may read from, and wait for, after the
// handler. After a failed read the deadline is still set.
func (f *form) stopEarly() {
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
	f.src.disarm()
	return p, nil
}

// fail ends the form. The rest of a form that is too large need not be read
// before the response is sent.
func (f *form) fail(err error) error {
	if err != io.EOF {
		if f.src.armed.IsZero() {
			f.src.arm() // the error was in bytes read ahead
		}
		e := readError(f.r.Context(), err)
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
		f.part.passed = true
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
	if f.parts++; f.MaxParts >= 0 && f.parts > f.MaxParts {
		return nil, tooMany("parts", f.MaxParts)
	}
	if p.IsFile() {
		if f.files++; f.MaxFiles >= 0 && f.files > f.MaxFiles {
			return nil, tooMany("files", f.MaxFiles)
		}
	}
	return p, nil
}

// finish reads the bytes after the last boundary. There should be none, but
// only the end of the body shows that the client has sent everything.
func (f *form) finish() error {
	if _, err := io.Copy(io.Discard, f.src); err != nil {
		return err
	}
	f.src.disarm()
	return io.EOF
}
