package upload

import (
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/requestbody"
)

// An Error says why an upload was refused. If it is too large, errors.As also
// finds the *http.MaxBytesError.
type Error struct {
	Status  int    // 400 malformed, 408 too slow, 413 over a bound, 415 not multipart
	Message string // the text for the client
	Err     error  // the cause, for the log; may be nil

	field, accepted string // the header field of a 415, and its value
}

func refuse(status int, message string, cause error) *Error {
	return &Error{Status: status, Message: message, Err: cause}
}

// unsupported refuses a form for its header. what is "media type", for example.
func unsupported(what, field, accepted string, cause error) *Error {
	e := refuse(http.StatusUnsupportedMediaType, "Unsupported "+what+", want "+accepted, cause)
	e.field, e.accepted = field, accepted
	return e
}

// Error returns the text for the log.
func (e *Error) Error() string {
	if e.Err == nil {
		return "upload: " + e.Message
	}
	return "upload: " + e.Message + ": " + e.Err.Error()
}

// StatusCode returns the status of the response.
func (e *Error) StatusCode() int { return e.Status }

// ClientGone returns false: the client may still be there. net/http cancels the
// context of the request whenever reading fails.
func (e *Error) ClientGone() bool { return false }

// Header returns the header fields of the response: with a 415 the supported
// values, in Accept for a media type and in Accept-Encoding for a content
// coding (RFC 9110, section 15.5.16).
func (e *Error) Header() http.Header {
	if e.field == "" {
		return nil
	}
	return http.Header{e.field: {e.accepted}}
}

// PublicMessage returns the text for the client.
func (e *Error) PublicMessage() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrAborted is wrapped by the error for a client that stopped sending in the
// middle of the form. It is not worth logging.
var ErrAborted = errors.New("upload: the client stopped sending before the end of the form")

func malformed(message string, cause error) *Error {
	return refuse(http.StatusBadRequest, message, cause)
}

// tooLarge refuses a form for something longer than limit: what is "The file",
// for example.
func tooLarge(what string, limit bytesize.Size) *Error {
	return refuse(http.StatusRequestEntityTooLarge,
		fmt.Sprintf("%s exceeded %v limit", what, limit), &http.MaxBytesError{Limit: int64(limit)})
}

func tooMany(what string, limit int) *Error {
	return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("More than %d %s", limit, what), nil)
}

// readError returns the error for a failure while reading a part or its header.
func readError(ctx context.Context, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var max *http.MaxBytesError
	switch {
	case errors.As(err, &max): // a reader outside has its own limit
		e := tooLarge("Body", bytesize.Size(max.Limit))
		e.Err = err
		return e
	case errors.Is(err, multipart.ErrMessageTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "The headers of the parts are too many", err)
	}
	switch requestbody.Explain(ctx, err) {
	case requestbody.Slow:
		return refuse(http.StatusRequestTimeout, "The body took too long to arrive", err)
	case requestbody.Aborted:
		return malformed("Invalid body", fmt.Errorf("%w: %w", ErrAborted, err))
	}
	return malformed("Invalid body", err)
}
