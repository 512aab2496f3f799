package reply

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// A reply is a response about to be sent. The body is either text or bytes,
// so that a string is not copied.
type reply struct {
	status       int
	contentType  string // "" for no body at all
	replacesType bool   // contentType replaces an existing one
	isText       bool
	text         string
	body         []byte
	withETag     bool
}

func (a *reply) size() int { return len(a.text) + len(a.body) }

// respond sends the reply. It is the only place where header and body meet.
func respond(w http.ResponseWriter, r *http.Request, a reply) error {
	if err := checkStatus(a.status); err != nil {
		return problem.Fail(w, r, err)
	}
	response.Commit(w, func(h http.Header) int {
		a.status = a.header(r, h)
		return a.status
	})
	if bodiless(a.status) || r.Method == http.MethodHead || a.size() == 0 {
		return nil
	}
	var err error
	if a.isText {
		_, err = io.WriteString(w, a.text)
	} else {
		_, err = w.Write(a.body)
	}
	return writeError(err)
}

// header sets the header of the response, and returns the status, which is 304
// if the client has the body already.
func (a *reply) header(r *http.Request, h http.Header) (status int) {
	if bodiless(a.status) {
		return withoutBody(h, a.status)
	}
	values := make([]string, 0, 4) // of all fields that are set here: one allocation
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	var length string
	if a.withETag {
		if _, own := h["Etag"]; !own {
			var tag string
			tag, length = a.tagAndLength()
			set("Etag", tag)
		}
		if a.status == http.StatusOK && response.NotModified(r, h.Get("Etag"), "") {
			return withoutBody(h, http.StatusNotModified)
		}
	}
	if a.contentType != "" && (a.replacesType || len(h["Content-Type"]) == 0) {
		set("Content-Type", a.contentType)
		if _, own := h["X-Content-Type-Options"]; !own {
			set("X-Content-Type-Options", "nosniff")
		}
	}
	delete(h, "Transfer-Encoding")
	if length == "" {
		length = strconv.Itoa(a.size())
	}
	set("Content-Length", length)
	return a.status
}

// withoutBody makes the header that of a response without a body.
func withoutBody(h http.Header, status int) int {
	delete(h, "Content-Type")
	delete(h, "Content-Length")
	delete(h, "Transfer-Encoding")
	if status == http.StatusResetContent {
		// Without it net/http would announce a chunked body (RFC 9110, 15.3.6).
		h["Content-Length"] = []string{"0"}
	}
	return status
}

// stream copies src to the client. Its length is unknown, unless the handler
// has declared one.
func stream(w http.ResponseWriter, r *http.Request, status int, src io.Reader) (err error) {
	if c, ok := src.(io.Closer); ok {
		defer func() {
			if closed := c.Close(); closed != nil && err == nil {
				// The client has everything, so the error is only logged.
				err = fmt.Errorf("reply: closing the body after it was sent: %w", closed)
				problem.Log(nil, r, http.StatusInternalServerError, err)
				response.MarkAnswered(w)
				err = problem.Logged(err)
			}
		}()
	}
	if err := checkStatus(status); err != nil {
		return problem.Fail(w, r, err)
	}
	h := w.Header()
	if bodiless(status) {
		w.WriteHeader(withoutBody(h, status))
		return nil
	}
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{bytesType}
		problem.NoSniff(h)
	}
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if f, ok := src.(*os.File); ok {
		// Passed on unwrapped, the server can send it without reading it. Which
		// side failed cannot be told then.
		if _, err := io.Copy(w, f); err != nil {
			return fmt.Errorf("reply: sending a file: %w", err)
		}
		return nil
	}
	source := &source{Reader: src}
	_, err = io.Copy(w, source)
	if source.err != nil {
		return fmt.Errorf("reply: reading the body to send: %w", source.err)
	}
	return writeError(err)
}

// A source remembers its own failure, which io.Copy does not tell from one of
// the writer.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// A status below 200 is not final; net/http panics on one outside 100..999.
func checkStatus(status int) error {
	if status < 200 || status > 999 {
		return fmt.Errorf("reply: %d is not the status of a response", status)
	}
	return nil
}

func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusResetContent || status == http.StatusNotModified
}

// A lostError is a failed write. It almost always means that the client has
// gone, which is not worth logging.
type lostError struct{ err error }

func (e *lostError) Error() string    { return "reply: writing the response: " + e.err.Error() }
func (e *lostError) Unwrap() error    { return e.err }
func (e *lostError) ClientGone() bool { return true }

// writeError returns the error of a write. A refusal by a layer outside is that
// layer's to respond to or the handler's fault, not the client's.
func writeError(err error) error {
	for _, ours := range []error{http.ErrHandlerTimeout, response.ErrTooLarge, http.ErrBodyNotAllowed, http.ErrContentLength, http.ErrHijacked} {
		if errors.Is(err, ours) {
			return fmt.Errorf("reply: writing the response: %w", err)
		}
	}
	if err != nil {
		return &lostError{err}
	}
	return nil
}
