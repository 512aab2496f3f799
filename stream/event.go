package stream

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Event is one server-sent event. In every field the zero value means that
// the field is not set, and the zero Event writes nothing.
//
// Two things of the format therefore have no Event of their own. An unnamed
// event without data is written by naming it "message", which is what clients
// call unnamed events anyway. An empty id, with which a server makes clients
// forget the last one, cannot be sent.
type Event struct {
	// ID is what the client sends back as Last-Event-ID when it reconnects.
	// CR, LF and NUL are refused, and so is outer whitespace, which would not
	// come back. Keep it under 128 plain bytes: a longer one forces a CORS
	// preflight on cross-origin clients.
	ID string
	// Name is the type of the event, for which a client listens by
	// addEventListener; "" is "message". CR and LF are refused. A named event
	// without data is written with an empty data line, because clients drop
	// events that have none.
	Name string
	// Data may hold anything. CR, LF and CRLF all arrive as LF.
	Data string
	// Retry tells the client how long to wait before it reconnects. It is
	// rounded up to milliseconds; a negative one is refused.
	Retry time.Duration
	// Comment is ignored by clients. It comes before the other fields.
	Comment string
}

// An EventError says which field of an [Event] cannot be written, and why. As a
// response it is 500, for what is sent is the server's to know. Where the value is the
// client's, such as an id that it has chosen, answer 400 before it is sent:
//
//	if _, err := stream.Encode(event); err != nil {
//		return reply.NewError(http.StatusBadRequest, "id: no line breaks, please").WithCause(err)
//	}
type EventError struct {
	Field   string // "id", "event" or "retry", as the format calls it
	Offset  int    // the offending byte
	Problem string
}

func (e *EventError) Error() string {
	return fmt.Sprintf("stream: event field %q: %s at byte %d", e.Field, e.Problem, e.Offset)
}

// Encode returns e as the bytes that go on the wire.
func Encode(e Event) ([]byte, error) {
	return e.AppendTo(nil)
}

// AppendTo appends e, as it goes on the wire, to dst. Fields are written in
// the order comment, id, event, retry, data, and a blank line ends them. No
// input writes a second event, or a field that is not set: an event that would
// is refused with an [*EventError], and dst is returned as it was.
//
// A comment or a retry alone is no event, and gets no blank line: it stands in
// front of the next event. Clients heed it at once, while several of them (such as
// @microsoft/fetch-event-source) hand on an empty message for every blank line.
// For those an ID alone is such a message too: send it with data where you can.
func (e Event) AppendTo(dst []byte) ([]byte, error) {
	if err := check(e.ID, e.Name, e.Retry); err != nil {
		return dst, err
	}
	if e.Comment != "" {
		dst = appendLines(dst, ": ", e.Comment)
	}
	if e.ID != "" {
		dst = appendField(dst, "id: ", e.ID)
	}
	if e.Name != "" {
		dst = appendField(dst, "event: ", e.Name)
	}
	if e.Retry > 0 {
		dst = append(dst, "retry: "...)
		dst = strconv.AppendInt(dst, int64((e.Retry-1)/time.Millisecond+1), 10)
		dst = append(dst, '\n')
	}
	switch {
	case e.Data == "" && e.Name == "":
		if e.ID == "" {
			return dst, nil
		}
	case strings.IndexByte(e.Data, '\n') < 0 && strings.IndexByte(e.Data, '\r') < 0:
		dst = appendField(dst, "data: ", e.Data)
	default:
		dst = appendLines(dst, "data: ", e.Data)
	}
	return append(dst, '\n'), nil
}

// appendField appends a line.
func appendField(dst []byte, field, value string) []byte {
	dst = append(dst, field...)
	dst = append(dst, value...)
	return append(dst, '\n')
}

func check(id, name string, retry time.Duration) error {
	for i := range len(id) {
		if c := id[i]; c <= ' ' && (c == '\r' || c == '\n' || c == 0) {
			return &EventError{"id", i, "line break or NUL"}
		}
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' && (c == '\r' || c == '\n') {
			return &EventError{"event", i, "line break"}
		}
	}
	if id != "" {
		if isSpace(id[0]) {
			return &EventError{"id", 0, "leading whitespace"}
		}
		if last := len(id) - 1; isSpace(id[last]) {
			return &EventError{"id", last, "trailing whitespace"}
		}
	}
	if retry < 0 {
		return &EventError{"retry", 0, "negative duration"}
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// appendLines appends text with the field name before each of its lines. What
// a client takes for the end of a line ends one here: CRLF, CR and LF. The
// next CR and the next LF are each remembered until they are passed, so that
// text made of one kind alone is not searched for the other again and again.
func appendLines(dst []byte, field, text string) []byte {
	lf, cr := find(text, '\n', 0), find(text, '\r', 0)
	for start := 0; ; {
		end := min(lf, cr)
		dst = append(dst, field...)
		dst = append(dst, text[start:end]...)
		dst = append(dst, '\n')
		if end == len(text) {
			return dst
		}
		start = end + 1
		if end == cr && strings.HasPrefix(text[start:], "\n") {
			start++
		}
		if lf < start {
			lf = find(text, '\n', start)
		}
		if cr < start {
			cr = find(text, '\r', start)
		}
	}
}

// find returns the index of the first c at or after from, or len(text).
func find(text string, c byte, from int) int {
	if i := strings.IndexByte(text[from:], c); i >= 0 {
		return from + i
	}
	return len(text)
}
