package redirect

import "fmt"

// An Error reports a refused redirect. By the time it is returned the client has
// its response: 500 for a redirect that no handler should make, 400 for a target
// that an [AllowList] does not allow.
type Error struct {
	Target string // as given
	Offset int    // of the first bad byte in Target
	Reason string // what is wrong with the target

	status int
}

// Error describes the refusal for the log.
func (e *Error) Error() string {
	return fmt.Sprintf("redirect: target %.200q %s (offset %d)", e.Target, e.Reason, e.Offset)
}

// StatusCode returns the status of the response.
func (e *Error) StatusCode() int { return e.status }

// PublicMessage returns the text for the client: that the target is not allowed,
// or "" if the fault is the server's.
func (e *Error) PublicMessage() string {
	if e.status >= 500 {
		return ""
	}
	return "Redirect target not allowed"
}
