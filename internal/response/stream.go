package response

import (
	"net/http"

	"github.com/apiece/apiece/internal/mediatype"
)

// Stream marks the response to w as a stream, exempt from limits on time and size, for
// every Writer between w and the server.
func Stream(w http.ResponseWriter) {
	all(w, func(rw *Writer) bool {
		rw.stream.Store(true)
		return true
	})
}

// Streaming reports whether the response is a stream.
func (rw *Writer) Streaming() bool { return rw.stream.Load() }

// IsEventStream reports whether a Content-Type is text/event-stream.
func IsEventStream(contentType string) bool {
	return mediatype.Is(contentType, "text/event-stream")
}
