package reply

import (
	"maps"
	"net/http"

	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/jsontext"
)

// An Error is an error with an answer: a status and a text that the client may
// read. It is Next's ApiError. Make one with [NewError]; the zero Error is a
// 500 with the text of that status.
type Error struct {
	status  int
	message string
	cause   error
	header  http.Header
	members map[string]any
}

// NewError returns an Error with the status, which is one from 400 to 599 (any
// other is taken as 500), and the text for the client; if that is empty it is
// the text of the status.
func NewError(status int, message string) *Error {
	return &Error{status: status, message: message}
}

// WithCause returns a copy of e that wraps err. The text of err goes to the
// log, not to the client.
func (e *Error) WithCause(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// WithHeader returns a copy of e whose answer has the header field: a
// Retry-After, a WWW-Authenticate. A value with a control byte is not sent.
func (e *Error) WithHeader(name, value string) *Error {
	c := *e
	if c.header = e.header.Clone(); c.header == nil {
		c.header = make(http.Header)
	}
	c.header.Add(name, value)
	return &c
}

// With returns a copy of e whose problem document has a further member (RFC
// 9457, section 3.2). The names "type", "title" and "instance" set the members
// of that name; "status" and "detail" are taken from the error and cannot be
// set. [PlainError] shows none of them. A value that cannot be encoded is left
// out of the document.
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
	return (&httperr.Error{Status: e.StatusCode(), Message: e.message, Cause: e.cause}).Error()
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// StatusCode returns the status of the answer.
func (e *Error) StatusCode() int {
	if e.status < 400 || e.status > 599 {
		return http.StatusInternalServerError
	}
	return e.status
}

// PublicMessage returns the text for the client, "" for that of the status.
func (e *Error) PublicMessage() string { return e.message }

// Header returns the header fields of the answer, nil if there are none.
func (e *Error) Header() http.Header { return e.header }

// ProblemMembers returns the further members of the problem document.
func (e *Error) ProblemMembers() map[string]any { return e.members }

// Problem answers err with a problem document (RFC 9457), as
// application/problem+json. It is what a nil OnError does.
//
// The status is that of the first error in the tree of err that has a
// StatusCode method, 413 for an *http.MaxBytesError, else 500. The members are
// title (the text of the status), status, and, if that same error has the
// methods, detail (its PublicMessage) and those of ProblemMembers. The fields of
// its Header method are set, and Vary is added to. What was set for the answer
// that is not given is dropped: Content-Length, Content-Encoding, ETag,
// Last-Modified, and Cache-Control unless it says no-store. Problem does not log.
func Problem(w http.ResponseWriter, r *http.Request, err error) { httperr.Problem(w, r, err) }

// PlainError answers err with its public text as text/plain, which is what
// Next.js does: "Invalid JSON", "Body exceeded 1mb limit". Otherwise it is as
// [Problem].
func PlainError(w http.ResponseWriter, r *http.Request, err error) { httperr.Plain(w, r, err) }

// ErrorJSON returns an OnError that answers with the JSON text of what shape
// makes of the error, for clients that know a shape of their own. The status
// and the header fields of the answer are those of [Problem].
//
// The Error that shape is given wraps the error. It has the status, the members
// of the problem document, and as its PublicMessage the text for the client,
// which is never empty. What cannot be encoded is answered by Problem.
func ErrorJSON(shape func(*Error) any) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		status, message, header, members := httperr.Describe(err)
		v := shape(&Error{status: status, message: message, cause: err, header: header, members: members})
		text, failed := jsontext.Encode(v)
		if failed != nil {
			Problem(w, r, err)
			return
		}
		defer text.Release()
		httperr.Write(w, r, status, header, jsonType, text.Bytes())
	}
}
