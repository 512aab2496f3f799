package respw

import (
	"net/http"
	"strconv"
	"strings"
)

// Header returns the header that the handler may change: the server's, or the
// handler's own behind a fence.
func (rw *Writer) Header() http.Header {
	f := rw.fence
	if f == nil {
		return rw.inner.Header()
	}
	if f.header == nil {
		if f.header = rw.outside(); f.header == nil {
			f.header = make(http.Header)
		}
	}
	return f.header
}

// outside returns a copy of the server's header, nil if the response was lost.
func (rw *Writer) outside() http.Header {
	if _, err := rw.enter(Open); err != nil {
		return nil
	}
	defer rw.leave() // even if a Header of others panics
	return rw.inner.Header().Clone()
}

// WriteHeader commits the response with the status, or sends an informational
// response (1xx other than 101), which commits nothing.
func (rw *Writer) WriteHeader(status int) {
	switch {
	case (status < 100 || status > 999) && !rw.Committed():
		panic(invalid(status)) // and commits nothing, nor is the server's writer asked for it
	case status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols:
		rw.inform(status)
	case rw.status != 0 || rw.hijacked:
		rw.repeat(status)
	case rw.lost() != nil:
	case rw.commit(status, 0, false) == nil && rw.fence != nil && rw.Complete():
		if rw.push() == nil { // it is whole: there is nothing to wait for
			rw.leave()
		}
	}
}

// Commit has fill change the header of the response to w and commits it with the
// status that fill returns. A handler that has not asked for the header needs none
// of its own then, which saves a small response two allocations of a dozen.
func Commit(w http.ResponseWriter, fill func(h http.Header) (status int)) {
	rw, ok := Of(w)
	if !ok || rw.fence == nil || rw.fence.header != nil || rw.onCommit != nil || rw.status != 0 {
		w.WriteHeader(fill(w.Header()))
	} else if status := rw.fillBelow(fill); status != 0 {
		rw.WriteHeader(status)
	}
}

// fillBelow has fill change the server's header, as far as the response is the
// handler's.
func (rw *Writer) fillBelow(fill func(h http.Header) (status int)) (status int) {
	if _, err := rw.enter(Open); err != nil {
		return 0
	}
	defer rw.leave()
	h := rw.inner.Header()
	rw.fence.keep(h)
	return fill(h)
}

// repeat passes on a second status, for net/http to log who has called twice, if
// it knows of the first.
func (rw *Writer) repeat(status int) {
	if !rw.Sent() {
		return
	}
	if _, err := rw.enter(Sent); err == nil {
		defer rw.leave()
		rw.inner.WriteHeader(status)
	}
}

// inform sends a 1xx response, which HTTP/1.0 does not know (RFC 9110, section
// 15.2). Behind a fence it carries the handler's header, and then puts back what
// was there: the final response may not be the handler's.
func (rw *Writer) inform(status int) {
	if !rw.request.ProtoAtLeast(1, 1) {
		return
	}
	from, err := rw.enter(Open)
	if err != nil {
		return
	}
	defer rw.leave()
	if f := rw.fence; f != nil && from == Open {
		h := rw.inner.Header()
		before := h.Clone()
		defer replace(h, before)
		if f.header != nil {
			replace(h, f.header)
		}
	}
	if from != Held {
		rw.inner.WriteHeader(status)
	}
}

// commit fixes status and header, of a response with at least size bytes of
// body; implicit is for a write, with which the server sets status and type. What
// layers outside want to do first they do before anything is fixed,
// and what they refuse is not. Without a fence the header goes out.
func (rw *Writer) commit(status, size int, implicit bool) error {
	if f := rw.onCommit; f != nil {
		rw.onCommit = nil
		f(status)
		if err := rw.lost(); err != nil {
			return err // taken away in the meantime
		}
	}
	if err := rw.read(status); err != nil {
		return err
	}
	if rw.request.Method == http.MethodHead || !rw.noBody {
		if err := rw.afford(max(rw.declared, int64(size))); err != nil {
			return err
		}
	}
	if f := rw.fence; f != nil {
		if _, err := rw.enter(Held); err != nil {
			return err
		}
		defer rw.leave()
		f.fill(rw.inner)
		f.progress.Store(1)
	}
	rw.status, rw.implicit = int32(status), implicit
	if rw.fence == nil && !implicit {
		rw.inner.WriteHeader(status)
	}
	return nil
}

// read notes what the header of the response says. One that the handler has not
// asked for is the server's.
func (rw *Writer) read(status int) error {
	if f := rw.fence; f != nil && f.header != nil {
		rw.measure(f.header, status)
		return nil
	}
	if _, err := rw.enter(Open); err != nil {
		return err
	}
	defer rw.leave()
	rw.measure(rw.inner.Header(), status)
	return nil
}

// measure notes what a header and a status say of the body.
func (rw *Writer) measure(h http.Header, status int) {
	if v := h["Content-Type"]; len(v) == 1 && IsEventStream(v[0]) {
		rw.stream.Store(true)
	}
	rw.declared = -1
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			rw.declared = n
		}
	}
	rw.noBody = rw.request.Method == http.MethodHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

func IsEventStream(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "text/event-stream")
}
