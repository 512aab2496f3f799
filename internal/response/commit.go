package response

import (
	"net/http"
	"strconv"
)

// Header returns the header that the handler may change: the server's, or with a guard
// the handler's own.
func (rw *Writer) Header() http.Header {
	g := rw.guard
	if g == nil {
		return rw.inner.Header()
	}
	if g.header == nil {
		if g.header = rw.outside(); g.header == nil {
			g.header = make(http.Header)
		}
	}
	return g.header
}

// outside returns a copy of the server's header, nil if the response was lost.
func (rw *Writer) outside() http.Header {
	if _, err := rw.enter(Open); err != nil {
		return nil
	}
	defer rw.leave() // even if a foreign Header method panics
	return rw.inner.Header().Clone()
}

// WriteHeader commits the response with the status, or sends an informational
// response (1xx other than 101), which commits nothing.
func (rw *Writer) WriteHeader(status int) {
	switch {
	case (status < 100 || status > 999) && !rw.Committed():
		panic(invalid(status)) // and commits nothing, and calls no method of the server's writer
	case status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols:
		rw.inform(status)
	case rw.status != 0 || rw.hijacked:
		rw.repeat(status)
	case rw.lost() != nil:
	case rw.commit(status, 0, false) == nil && rw.guard != nil && rw.Complete():
		if rw.push() == nil { // it is complete: there is no reason to wait
			rw.leave()
		}
	}
}

// Commit has fill change the header of the response to w and commits it with the status
// that fill returns. A handler that has not called Header needs no header of its own
// then, which saves a small response two of about twelve allocations.
func Commit(w http.ResponseWriter, fill func(h http.Header) (status int)) {
	rw, ok := Of(w)
	if !ok || rw.guard == nil || rw.guard.header != nil || rw.onCommit != nil || rw.status != 0 {
		w.WriteHeader(fill(w.Header()))
	} else if status := rw.fillBelow(fill); status != 0 {
		rw.WriteHeader(status)
	}
}

// fillBelow has fill change the server's header, unless the response was taken.
func (rw *Writer) fillBelow(fill func(h http.Header) (status int)) (status int) {
	if _, err := rw.enter(Open); err != nil {
		return 0
	}
	defer rw.leave()
	h := rw.inner.Header()
	rw.guard.keep(h)
	return fill(h)
}

// repeat passes on a second status, so that net/http can log the superfluous call, if
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

// inform sends a 1xx response, which HTTP/1.0 does not have (RFC 9110, section 15.2).
// With a guard it sends the handler's header, and then restores the server's: the final
// response may not be the handler's.
func (rw *Writer) inform(status int) {
	if !rw.request.ProtoAtLeast(1, 1) {
		return
	}
	from, err := rw.enter(Open)
	if err != nil {
		return
	}
	defer rw.leave()
	if g := rw.guard; g != nil && from == Open {
		h := rw.inner.Header()
		before := h.Clone()
		defer replace(h, before)
		if g.header != nil {
			replace(h, g.header)
		}
	}
	if from != Held {
		rw.inner.WriteHeader(status)
	}
}

// commit fixes status and header of a response with at least size bytes of body;
// implicit is for a write, for which the server sets status and type. First it runs the
// hooks and checks of the layers outside. If they reject the response, nothing is
// fixed. Without a guard the header is sent.
func (rw *Writer) commit(status, size int, implicit bool) error {
	if f := rw.onCommit; f != nil {
		rw.onCommit = nil
		f(status)
		if err := rw.lost(); err != nil {
			return err // taken in the meantime
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
	if g := rw.guard; g != nil {
		if _, err := rw.enter(Held); err != nil {
			return err
		}
		defer rw.leave()
		g.fill(rw.inner)
		g.progress.Store(1)
	}
	rw.status, rw.implicit = int32(status), implicit
	if rw.guard == nil && !implicit {
		rw.inner.WriteHeader(status)
	}
	return nil
}

// read records what the header of the response says. A header that the handler has not
// asked for is the server's.
func (rw *Writer) read(status int) error {
	if g := rw.guard; g != nil && g.header != nil {
		rw.measure(g.header, status)
		return nil
	}
	if _, err := rw.enter(Open); err != nil {
		return err
	}
	defer rw.leave()
	rw.measure(rw.inner.Header(), status)
	return nil
}

// measure records what a header and a status say about the body.
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
