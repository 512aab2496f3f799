package shadow

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/apiece/apiece/internal/mediatype"
)

// A Difference is a request to which two handlers responded differently.
type Difference struct {
	// Route is r.Pattern of the request, after the primary handler.
	Route string

	// Method and URL are those of the request.
	Method string
	URL    *url.URL

	// Values are the differences, at most twenty.
	Values []Value

	// Err says why the shadow has no response: it panicked, broke off, or took longer
	// than Config.Timeout. Values is empty then.
	Err error
}

// A Value is a place where two responses differ.
type Value struct {
	// Where is "status", "header " and a name, "length" if a body is shorter than its
	// Content-Length, which a client treats as a broken connection, "body", or "json "
	// and a JSON pointer.
	Where string

	// Answer is what the client received, and Shadow what it would have received. Both
	// are cut after 100 bytes, and empty if absent.
	Answer, Shadow string
}

// String returns the place and both values.
func (v Value) String() string { return fmt.Sprintf("%s: %s, shadow: %s", v.Where, v.Answer, v.Shadow) }

// maxValues and maxText bound a report.
const (
	maxValues = 20
	maxText   = 100
)

// rules say what counts as a difference.
type rules struct {
	seed      maphash.Seed
	headers   []string
	ignored   []steps
	unordered []steps
}

func newRules(cfg Config) rules {
	r := rules{seed: maphash.MakeSeed()}
	for _, name := range cfg.Headers {
		r.headers = append(r.headers, textproto.CanonicalMIMEHeaderKey(name))
	}
	for _, p := range cfg.IgnoreJSON {
		r.ignored = append(r.ignored, parsePointer(p))
	}
	for _, p := range cfg.UnorderedJSON {
		r.unordered = append(r.unordered, parsePointer(p))
	}
	return r
}

// found collects the differences.
type found struct{ values []Value }

func (f *found) add(where, answer, shadow string) {
	if len(f.values) < maxValues {
		f.values = append(f.values, Value{where, short(answer), short(shadow)})
	}
}

func short(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

// compare returns the differences between two responses to a request.
func (r *rules) compare(method string, a, b *recording) []Value {
	var f found
	if a.status != b.status {
		f.add("status", fmt.Sprint(a.status), fmt.Sprint(b.status))
	}
	for _, name := range r.headers {
		x, y := strings.Join(a.header[name], ", "), strings.Join(b.header[name], ", ")
		if x != y && (name != "Content-Type" || !sameMediaType(x, y)) {
			f.add("header "+name, x, y)
		}
	}
	if x, y := a.length(method), b.length(method); x != y && (a.cut(method) || b.cut(method)) {
		f.add("length", x, y)
	}
	switch {
	case method == http.MethodHead, a.size == b.size && (a.size == 0 || a.sum == b.sum):
	case isJSON(a.header) && isJSON(b.header) && a.body != nil && b.body != nil:
		r.compareJSON(&f, a.body, b.body)
	default:
		bytesDiffer(&f, a, b)
	}
	return f.values
}

// length returns the length of a body, and its declared length.
func (r *recording) length(method string) string {
	if r.cut(method) {
		return fmt.Sprintf("%d of %d bytes", r.size, r.declared)
	}
	return fmt.Sprintf("%d bytes", r.size)
}

// bytesDiffer reports where two bodies start to differ.
func bytesDiffer(f *found, a, b *recording) {
	if a.body == nil && a.size > 0 || b.body == nil && b.size > 0 {
		f.add("body", fmt.Sprintf("%d bytes", a.size), fmt.Sprintf("%d bytes", b.size))
		return
	}
	at := 0
	for at < len(a.body) && at < len(b.body) && a.body[at] == b.body[at] {
		at++
	}
	from := max(at-10, 0)
	f.add(fmt.Sprintf("body at byte %d", at), quoted(a.body[from:]), quoted(b.body[from:]))
}

func quoted(p []byte) string {
	if len(p) > maxText/2 {
		p = p[:maxText/2]
	}
	return fmt.Sprintf("%q", bytes.ToValidUTF8(p, []byte("?")))
}

// sameMediaType reports whether two values of Content-Type mean the same.
func sameMediaType(x, y string) bool {
	a, ok := mediatype.Parse(x)
	b, also := mediatype.Parse(y)
	return ok && also && a.Equal(b)
}

func isJSON(h http.Header) bool {
	t := mediatype.Essence(h.Get("Content-Type"))
	return t == "application/json" || strings.HasPrefix(t, "application/") && strings.HasSuffix(t, "+json")
}
