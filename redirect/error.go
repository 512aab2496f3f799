package redirect

import "fmt"

// An Error reports a redirect that was refused. The functions that redirect have
// answered the client by the time they return it, with 500 for a redirect that no
// handler should make and with 400 for a target that a [Policy] does not allow.
type Error struct {
	Target string // as given
	Offset int    // of the byte in Target that decided
	Reason string // what the target is or has that it should not

	status int
}

// Error describes the refusal for the log.
func (e *Error) Error() string {
	return fmt.Sprintf("redirect: target %.200q %s (offset %d)", e.Target, e.Reason, e.Offset)
}

// StatusCode returns the status of the answer.
func (e *Error) StatusCode() int { return e.status }

// PublicMessage returns what the client may read: that the target is not allowed,
// and nothing if the fault is the server's.
func (e *Error) PublicMessage() string {
	if e.status >= 500 {
		return ""
	}
	return "Redirect target not allowed"
}
