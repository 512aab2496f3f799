package upload

import (
	"io"
	"net/http"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/requestbody"
)

// A source is the body as package multipart reads it. A deadline applies during
// reads only, not while the handler processes a part: at the deadline HTTP/2
// would end the body, and HTTP/1 the request's context if the body is over.
type source struct {
	w        http.ResponseWriter
	r        *http.Request
	body     io.Reader
	clock    requestbody.Clock
	limit    bytesize.Size
	read     int64
	header   int64 // what a header may still read, -1 outside of one
	timeout  time.Duration
	deadline requestbody.Deadline
	armed    time.Time // zero without a deadline
	done     bool      // nothing is left that needs a deadline
}

func (s *source) Read(p []byte) (int, error) {
	if s.header >= 0 {
		if s.header == 0 {
			return 0, errHeader
		}
		p = p[:min(int64(len(p)), s.header)]
	}
	s.arm()
	s.clock.Reading(true)
	n, err := s.body.Read(p)
	s.clock.Reading(false)
	s.read += int64(n)
	if s.header > 0 {
		s.header -= int64(n)
	}
	if err == io.EOF {
		s.disarm()
		s.done = true
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
	case s.done:
	case s.armed.IsZero():
		s.deadline = requestbody.Arm(s.w, s.r, s.timeout)
		s.armed = now
	case now.Sub(s.armed) > s.timeout/16:
		s.deadline.Extend(s.timeout)
		s.armed = now
	}
}

// disarm runs before the handler continues. After a failed read the deadline
// stays, or net/http would wait for the rest of the body.
func (s *source) disarm() {
	if !s.armed.IsZero() {
		s.deadline.Disarm()
		s.armed = time.Time{}
	}
}
