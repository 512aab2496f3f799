package redirect

import "fmt"

// An Error reports a redirect that was refused. By the time it is returned the
// client has been answered, with 500 for a redirect that no handler should
// make and 400 for a target that a [Policy] does not allow, so all that is left
// to do is to log it: see Answered.
type Error struct {
	Target string // as given
	Offset int    // of the byte in Target that decided
	Reason string

	status   int
	answered bool
}

// Error describes the refusal for the log.
func (e *Error) Error() string {
	return fmt.Sprintf("redirect: target %.200q refused at offset %d: %s", e.Target, e.Offset, e.Reason)
}

// StatusCode returns the status of the answer.
func (e *Error) StatusCode() int { return e.status }

// PublicMessage returns what the client may read: nothing about a fault of the
// server, and that the target is not allowed about its own.
func (e *Error) PublicMessage() string {
	if e.status >= 500 {
		return ""
	}
	return "Redirect target not allowed"
}

// Answered reports whether the client has its answer, which it has not after
// [Policy.Check] or when the header of another answer was already sent.
func (e *Error) Answered() bool { return e.answered }
