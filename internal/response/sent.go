package response

import "net/http"

// Sent reports whether the server has part of the handler's response, so that it is too
// late for another. With a guard the start of a response is held back after the commit.
// Of one that was taken nothing was sent: code that responds in its place gets an
// error, and need not check first.
func (rw *Writer) Sent() bool {
	if rw.guard == nil {
		return rw.status != 0 || rw.hijacked
	}
	p := rw.guard.Look().Phase()
	return p >= Sent && p != Taken
}

// Committed reports whether status and header are fixed, or no longer the handler's.
func (rw *Writer) Committed() bool { return rw.status != 0 || rw.lost() != nil }

// Complete reports whether the client has, or will have once the handler returns, the
// complete response: every byte of its Content-Length, or one without a body.
func (rw *Writer) Complete() bool {
	return rw.status != 0 && (rw.noBody || rw.declared == rw.n)
}

// Hijacked reports whether the connection was hijacked.
func (rw *Writer) Hijacked() bool {
	return rw.hijacked || rw.guard != nil && rw.guard.Look().Phase() == Foreign
}

// A Standing says what can still be done about a response whose handler has failed.
type Standing int

const (
	Free  Standing = iota // nothing is sent: another response is possible
	Part                  // part of it is sent: it can only be cut
	Whole                 // all of it is sent, or the handler owns the connection
	Gone                  // it is lost, and was answered
)

// Standing checks everything once, in the only order that a guard leaves no gap in: a
// response that counts as sent may have been taken since, and no state is ever undone.
func (rw *Writer) Standing() Standing {
	switch sent := rw.Sent(); {
	case Lost(rw):
		return Gone
	case !sent:
		return Free
	case rw.Complete() || rw.Hijacked():
		return Whole
	}
	return Part
}

// Lost reports whether a layer outside has taken the response to w, or a limit has
// rejected it: it was answered, and writes to w have no effect.
func Lost(w http.ResponseWriter) bool {
	rejected := false
	late := all(w, func(rw *Writer) bool {
		rejected = rw.rejected.Load()
		return !rejected
	})
	return rejected || late
}

// TakenAway reports whether a layer with a guard has taken the response to w, or is
// about to.
func TakenAway(w http.ResponseWriter) bool {
	return all(w, func(*Writer) bool { return true })
}

// TooLate reports whether it is too late for another response to w, as far as the Writers
// up to the first guard know: it was sent in part, hijacked, or taken.
func TooLate(w http.ResponseWriter) bool {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			if rw.Sent() || rw.lost() != nil {
				return true
			}
			if rw.guard != nil {
				break
			}
		}
	}
	return false
}

// MarkAnswered marks the response to w as complete for the Writers up to the first
// guard, whatever error is returned after it.
func MarkAnswered(w http.ResponseWriter) {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			rw.answered = true
			if rw.guard != nil {
				return
			}
		}
	}
}

// Answered reports whether the response was marked by [MarkAnswered].
func (rw *Writer) Answered() bool { return rw.answered }

// lost returns the error of calls that have no effect any more, nil while they have.
func (rw *Writer) lost() error {
	switch {
	case rw.rejected.Load():
		return ErrTooLarge
	case rw.hijacked:
		return http.ErrHijacked
	case rw.guard == nil:
		return nil
	}
	return rw.guard.lost()
}
