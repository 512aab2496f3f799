package reply

import (
	"maps"
	"net/http"

	"github.com/apiece/apiece/internal/jsontext"
	"github.com/apiece/apiece/internal/problem"
)

// An Error is an error with a status and a text that the client may read:
// ApiError in Next.js. Make one with [NewError]; the zero Error is a 500 with
// the text of that status.
type Error struct {
	status  int
	message string
	cause   error
	header  http.Header
	members map[string]any
}

// NewError returns an Error with the status, from 400 to 599 (any other becomes
// 500), and the text for the client; "" is the text of the status.
func NewError(status int, message string) *Error {
	return &Error{status: status, message: message}
}

// WithCause returns a copy of e that wraps err. The text of err is logged, and
// not sent to the client.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// WithHeader returns a copy of e whose response has the header field, such as
// Retry-After or WWW-Authenticate. A value with a control byte is not sent.
func (e *Error) WithHeader(name, value string) *Error {
	c := *e
	if c.header = e.header.Clone(); c.header == nil {
		c.header = make(http.Header)
	}
	c.header.Add(name, value)
	return &c
}

// With returns a copy of e with another problem details member (RFC 9457,
// section 3.2). The names "type", "title" and "instance" set those members;
// "status" and "detail" come from the error and cannot be set. [PlainError]
// shows none of them. A value that cannot be encoded is left out.
func (e *Error) With(member string, value any) *Error {
	c := *e
	if c.members = maps.Clone(e.members); c.members == nil {
		c.members = make(map[string]any)
	}
	c.members[member] = value
	return &c
}

// Error returns the text for the log: the message and the cause.
func (e *Error) Error() string {
	return (&problem.Error{Status: e.StatusCode(), Message: e.message, Cause: e.cause}).Error()
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// StatusCode returns the status of the response.
func (e *Error) StatusCode() int {
	if e.status < 400 || e.status > 599 {
		return http.StatusInternalServerError
	}
	return e.status
}

// PublicMessage returns the text for the client; "" is the text of the status.
func (e *Error) PublicMessage() string { return e.message }

// Header returns the header fields of the response, nil if there are none.
func (e *Error) Header() http.Header { return e.header }

// ProblemMembers returns the additional members of the problem details.
func (e *Error) ProblemMembers() map[string]any { return e.members }

// Problem responds to err with problem details (RFC 9457), as
// application/problem+json. It is the default of every OnError.
//
// The status is that of the first error in the tree of err that has a StatusCode
// method, 413 for an *http.MaxBytesError, else 500. The members are title (the
// text of the status), status, and, if the same error has the methods, detail
// (its PublicMessage) and those of ProblemMembers. The fields of its Header
// method are set; Vary is added to. Header fields of the original response are
// removed: Content-Length, Content-Encoding, ETag, Last-Modified, and
// Cache-Control unless it says no-store. Problem does not log.
func Problem(w http.ResponseWriter, r *http.Request, err error) { problem.Problem(w, r, err) }

// PlainError responds to err with its public text as text/plain, as Next.js
// does: "Invalid JSON", "Body exceeded 1mb limit". Otherwise it works like
// [Problem].
func PlainError(w http.ResponseWriter, r *http.Request, err error) { problem.Plain(w, r, err) }

// ErrorJSON returns an OnError that sends what shape returns, as JSON, for
// clients that expect their own error format. Status and header fields are
// those of [Problem].
//
// The Error passed to shape wraps the error. It has the status, the problem
// details members, and as PublicMessage the text for the client, which is never
// empty. If the value cannot be encoded, Problem responds.
func ErrorJSON(shape func(*Error) any) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		status, message, header, members := problem.Describe(err)
		v := shape(&Error{status: status, message: message, cause: err, header: header, members: members})
		text, failed := jsontext.Encode(v)
		if failed != nil {
			Problem(w, r, err)
			return
		}
		defer text.Release()
		problem.Write(w, r, status, header, jsonType, text.Bytes())
	}
}
