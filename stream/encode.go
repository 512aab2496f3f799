package stream

import (
	"strconv"
	"strings"
	"time"
)

// Encode returns e in wire format.
func Encode(e Event) ([]byte, error) {
	return e.AppendTo(nil)
}

// AppendTo appends e in wire format to dst. Fields are written in the order comment, id,
// event, retry, data, followed by a blank line. No input can write a second event, or a
// field that is not set: AppendTo refuses such an event with an [*EventError], and
// returns dst as it was.
//
// A comment or a retry alone is no event and gets no blank line: it precedes the next
// event. Clients process it at once, while several of them (such as
// @microsoft/fetch-event-source) report an empty message for every blank line. They also
// report one for an ID alone: send it with data where you can.
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

// appendField appends one field line.
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

// appendLines appends text with the field name before each of its lines. Lines end where
// a client ends them: at CRLF, CR and LF. The positions of the next CR and the next LF
// are remembered until they are passed, so that text with only one kind is not searched
// for the other again and again.
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
