package response

import "net/http"

// Below returns the writer that w wraps: the one below a Writer, or the result of its
// Unwrap method, nil without one. Every search on the way to the server uses it, past a
// guard only between enter and leave: after a response was taken, the writers outside
// may serve another request.
func Below(w http.ResponseWriter) http.ResponseWriter {
	if rw, ok := Of(w); ok {
		return rw.inner
	}
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return nil
}

// Find returns the first T between w and the nearest guard.
func Find[T any](w http.ResponseWriter) (t T, ok bool) {
	for ; w != nil; w = Below(w) {
		if t, ok = w.(T); ok {
			return t, true
		}
		if rw, ok := Of(w); ok && rw.guard != nil {
			break
		}
	}
	return t, false
}

// all calls visit for the Writers from w to the server, until it returns false. It
// reports whether it met a guard whose response was taken, or is about to be.
func all(w http.ResponseWriter, visit func(*Writer) bool) (late bool) {
	for ; w != nil; w = Below(w) {
		rw, ok := Of(w)
		if !ok {
			continue
		}
		if !visit(rw) {
			return false
		}
		if rw.guard != nil {
			return rw.beyond(visit)
		}
	}
	return false
}

// beyond is all for the Writers outside of the guard. A defer in the loop would be
// allocated.
func (rw *Writer) beyond(visit func(*Writer) bool) (late bool) {
	if _, err := rw.enter(Open); err != nil {
		return rw.guard.Look().Late()
	}
	defer rw.leave()
	return all(rw.inner, visit)
}

// reach reports what an http.ResponseController would find in w. An Unwrap method means
// that optional methods may bypass the wrapper. A Writer already knows.
func reach(w http.ResponseWriter) (flush, hijack bool) {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			_, http1 := w.(http1)
			return flush || rw.flushes, hijack || http1
		}
		switch w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			flush = true
		}
		if _, ok := w.(http.Hijacker); ok {
			hijack = true
		}
	}
	return flush, hijack
}
