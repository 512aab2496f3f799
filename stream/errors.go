package stream

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/apiece/apiece/bytesize"
)

// ErrStop is returned by the function of a [Handler] to tell the client not to reconnect:
// if nothing was sent yet, the response is 204, on which an EventSource gives up (HTML
// standard, section 9.2.2). An open stream can only be ended, after which the client
// reconnects and can get the 204 then. With [SSE], call w.WriteHeader(204) yourself.
var ErrStop = errors.New("stream: nothing more to send")

// An EventError says which field of an [Event] cannot be written, and why. As a response
// it is 500, since the server is responsible for what it sends. If the value comes from
// the client, such as an id that it chose, respond with 400 before sending:
//
//	if _, err := stream.Encode(event); err != nil {
//		return reply.NewError(http.StatusBadRequest, "id: no line breaks, please").WithCause(err)
//	}
type EventError struct {
	Field   string // "id", "event" or "retry", the field name of the format
	Offset  int    // of the offending byte
	Problem string
}

func (e *EventError) Error() string {
	return fmt.Sprintf("stream: event field %q: %s at byte %d", e.Field, e.Problem, e.Offset)
}

// A TooLargeError says that an event exceeded [Reader.EventLimit] or
// [RelayConfig.EventLimit].
type TooLargeError struct {
	Limit bytesize.Size // the limit that was exceeded
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("stream: event over %d bytes", e.Limit)
}

// An UpstreamError says that the response given to [Stream.Relay] is not an event stream.
// As a response it is 502, or 503 with Retry-After if the upstream sent 429 or 503: only
// the caller can tell whether the client is to blame.
type UpstreamError struct {
	Status      int    // of the response, such as 429
	ContentType string // of the response, such as application/json
	Encoding    string // Content-Encoding, which should have been none
	RetryAfter  string // Retry-After, if any
}

func (e *UpstreamError) Error() string {
	text := fmt.Sprintf("stream: the other server answered %d, type %q", e.Status, e.ContentType)
	if e.Encoding != "" {
		text += fmt.Sprintf(", encoding %q", e.Encoding)
	}
	return text
}

// StatusCode returns 502, or 503 if a retry may succeed.
func (e *UpstreamError) StatusCode() int {
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadGateway
}

// Header returns the Retry-After for the client, if there is one.
func (e *UpstreamError) Header() http.Header {
	if e.RetryAfter == "" || e.StatusCode() != http.StatusServiceUnavailable {
		return nil
	}
	return http.Header{"Retry-After": {e.RetryAfter}}
}
