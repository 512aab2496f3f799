package bodyparser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/requestbody"
)

// ErrAborted is wrapped by the error for a client that stopped sending in the
// middle of its body. It is not worth logging, and the client may be gone
// before the 400.
var ErrAborted = errors.New("bodyparser: the client stopped sending before the end of the body")

// An Error says why a body was refused. The statuses are
//
//	400  malformed JSON, form or text, or a client that stopped sending
//	403  refused by Config.Verify
//	408  a client that was too slow
//	413  a body over Config.Limit, or one of too many values or pairs
//	415  a Content-Type, charset or Content-Encoding that is not known, or not wanted
//	500  a body that other code of the service has read before
//
// For a body that is too large, errors.As also finds the *http.MaxBytesError.
type Error struct {
	Status  int    // 400, 403, 408, 413, 415 or 500
	Message string // the text for the client: that of Next.js, where it has one
	Offset  int64  // of the error in a JSON body in UTF-8, -1 if there is none
	Err     error  // the cause, for the log; may be nil

	field, accepted string // the header field of a 415, and its value
}

// The texts of Next.js.
const (
	invalidJSON = "Invalid JSON"
	invalidBody = "Invalid body"
)

func refuse(status int, message string, cause error) *Error {
	return &Error{Status: status, Message: message, Offset: -1, Err: cause}
}

// Error returns the text for the log.
func (e *Error) Error() string {
	text := "bodyparser: " + cmp.Or(e.Message, http.StatusText(e.Status))
	if e.Offset >= 0 {
		text += fmt.Sprintf(" at offset %d", e.Offset)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// StatusCode returns the status of the response.
func (e *Error) StatusCode() int { return e.Status }

// ClientGone returns false: the client may still be there. net/http cancels the
// context of the request whenever reading fails.
func (e *Error) ClientGone() bool { return false }

// PublicMessage returns the text for the client.
func (e *Error) PublicMessage() string { return e.Message }

// Header returns the header fields of the response: with a 415 the supported
// values, in Accept for a media type and in Accept-Encoding for a content
// coding (RFC 9110, section 15.5.16).
func (e *Error) Header() http.Header {
	if e.field == "" {
		return nil
	}
	return http.Header{e.field: {e.accepted}}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// alreadyRead is for a body that other code has read already. Taken for an empty one,
// it would be a value that the client has not sent.
func alreadyRead() *Error {
	return refuse(http.StatusInternalServerError, "",
		fmt.Errorf("nothing is left of a body that was sent, for it was read before: %w", http.ErrBodyReadAfterClose))
}

func tooLarge(limit int64) *Error {
	return refuse(http.StatusRequestEntityTooLarge,
		"Body exceeded "+bytesize.Size(limit).String()+" limit", &http.MaxBytesError{Limit: limit})
}

// readError returns the error for a failed read.
func readError(ctx context.Context, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var max *http.MaxBytesError
	if errors.As(err, &max) { // a reader outside has its own limit
		e := tooLarge(max.Limit)
		e.Err = err
		return e
	}
	switch requestbody.Explain(ctx, err) {
	case requestbody.Slow:
		return refuse(http.StatusRequestTimeout, "The body took too long to arrive", err)
	case requestbody.Aborted:
		return refuse(http.StatusBadRequest, invalidBody, fmt.Errorf("%w: %w", ErrAborted, err))
	}
	return refuse(http.StatusBadRequest, invalidBody, err)
}

// inflateError returns the error of a failed decompression, if there was one. Unless
// the connection failed, the client's data are wrong.
func inflateError(err error) error {
	var own *Error
	var source *sourceError
	if err == nil || errors.As(err, &own) || errors.As(err, &source) {
		return err
	}
	return refuse(http.StatusBadRequest, invalidBody, err)
}

var errMediaType = errors.New("a Content-Type that is not one media type")
