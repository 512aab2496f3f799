package httperr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Problem answers err as an RFC 9457 problem document.
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	write(w, r, err, status, "application/problem+json", document(status, err))
}

// Plain answers err as its message in plain text, which is what Next.js does.
func Plain(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	text := messageOf(err)
	if text == "" {
		text = statusText(status)
	}
	write(w, r, err, status, "text/plain; charset=utf-8", []byte(text))
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error " + strconv.Itoa(status)
}

// document builds the problem document. The members that every problem has
// come first; "type" is left out where it would be about:blank, which is what
// its absence means (RFC 9457, section 4.2.1).
func document(status int, err error) []byte {
	members := map[string]any{}
	if p, ok := decisive(err).(interface{ ProblemMembers() map[string]any }); ok {
		maps.Copy(members, p.ProblemMembers())
	}
	members["status"] = status
	if _, ok := members["title"]; !ok {
		members["title"] = statusText(status)
	}
	if detail := messageOf(err); detail != "" {
		members["detail"] = detail
	}

	names := slices.Sorted(maps.Keys(members))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var doc bytes.Buffer
	doc.WriteByte('{')
	for _, name := range names {
		value, err := encode(members[name])
		if err != nil {
			continue // a member that cannot be encoded must not cost the client the rest
		}
		if doc.Len() > 1 {
			doc.WriteByte(',')
		}
		key, _ := encode(name)
		doc.Write(key)
		doc.WriteByte(':')
		doc.Write(value)
	}
	doc.WriteByte('}')
	return doc.Bytes()
}

func rank(member string) int {
	if i := slices.Index([]string{"type", "title", "status", "detail", "instance"}, member); i >= 0 {
		return i
	}
	return 5
}

func encode(v any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil { // a MarshalJSON that panics
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func write(w http.ResponseWriter, r *http.Request, err error, status int, contentType string, body []byte) {
	h := w.Header()
	discard(h)
	if e, ok := decisive(err).(interface{ Header() http.Header }); ok {
		for name, values := range e.Header() {
			if name == "Vary" { // what others vary by holds as well
				values = append(slices.Clip(h[name]), values...)
			}
			if values = slices.DeleteFunc(slices.Clone(values), unsendable); len(values) > 0 {
				h[name] = values
			}
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// unsendable reports whether the value of a header field has a control byte,
// which may have come from the client. Over HTTP/2 net/http leaves such a field
// out; over HTTP/1 it would make spaces of line breaks and send all the others
// (RFC 9110, section 5.5).
func unsendable(value string) bool {
	return strings.IndexFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0
}

// discard removes from h what described the response that will not be sent.
// Everything else stays: what layers outside have set, such as CORS, is as
// true of the error. A Cache-Control that forbids storing stays too.
func discard(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	if !strings.Contains(strings.ToLower(strings.Join(h["Cache-Control"], ",")), "no-store") {
		delete(h, "Cache-Control")
	}
}
