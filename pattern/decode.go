package pattern

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// ErrNoMatch is the error for a path that no pattern matches. Its StatusCode is
// 404.
var ErrNoMatch error = noMatch{}

type noMatch struct{}

func (noMatch) Error() string   { return "pattern: no match" }
func (noMatch) StatusCode() int { return http.StatusNotFound }

// A DecodeError reports a path that a pattern matches, but with a value that is
// not valid percent-encoded UTF-8.
type DecodeError struct {
	Pattern string // the route that matches
	Path    string // as matched: percent-encoded, unless it was given decoded
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("pattern: a value of %s in %q is not percent-encoded UTF-8", e.Pattern, e.Path)
}

// StatusCode returns 400, as in Next.js.
func (e *DecodeError) StatusCode() int { return http.StatusBadRequest }

// PublicMessage returns the text for the client.
func (e *DecodeError) PublicMessage() string { return "Malformed path" }

// unescape decodes a segment.
func unescape(s string) (string, bool) {
	v, err := url.PathUnescape(s)
	return v, err == nil && utf8.ValidString(v)
}

// decodeForRouting decodes the segments of a path for comparison with static
// ones, and keeps their number: a segment that cannot equal any static one,
// because it is malformed or contains a slash, becomes a byte that no pattern
// has. The values of parameters are read from the encoded path later.
func decodeForRouting(path string) string {
	var b strings.Builder
	b.Grow(len(path))
	for seg := range strings.SplitSeq(path[1:], "/") {
		b.WriteByte('/')
		v, ok := unescape(seg)
		if !ok || strings.IndexByte(v, '/') >= 0 {
			v = "\xff"
		}
		b.WriteString(v)
	}
	return b.String()
}
