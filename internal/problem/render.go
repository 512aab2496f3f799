package problem

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/jsontext"
	"github.com/apiece/apiece/internal/response"
)

// Problem responds to err with problem details (RFC 9457).
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	status, _, header, members := Describe(err)
	Write(w, r, status, header, "application/problem+json", document(status, messageOf(err), members))
}

// Document returns the problem details of err, to be a part of a response.
func Document(err error) []byte {
	status, _, _, members := Describe(err)
	return document(status, messageOf(err), members)
}

// Plain responds to err with its message in plain text, as Next.js does.
func Plain(w http.ResponseWriter, r *http.Request, err error) {
	status, message, header, _ := Describe(err)
	Write(w, r, status, header, "text/plain; charset=utf-8", []byte(message))
}

// Describe returns what a client may learn of err: the status of the response, a text,
// by default the status text, and the header fields and further members of err.
func Describe(err error) (status int, message string, header http.Header, members map[string]any) {
	status, message = statusOf(err), messageOf(err)
	if message == "" {
		message = statusText(status)
	}
	says := decisive(err)
	if h, ok := says.(interface{ Header() http.Header }); ok {
		header = h.Header()
	}
	if p, ok := says.(interface{ ProblemMembers() map[string]any }); ok {
		members = p.ProblemMembers()
	}
	return status, message, header, members
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Error " + strconv.Itoa(status)
}

// document builds the problem details. The members that every problem has come first;
// "type" is omitted where it would be about:blank, its default (RFC 9457, section
// 4.2.1).
func document(status int, detail string, more map[string]any) []byte {
	members := make(map[string]any, len(more)+3)
	maps.Copy(members, more)
	members["status"] = status
	if _, ok := members["title"]; !ok {
		members["title"] = statusText(status)
	}
	if detail != "" {
		members["detail"] = detail
	}

	names := slices.Sorted(maps.Keys(members))
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var doc bytes.Buffer
	doc.WriteByte('{')
	for _, name := range names {
		value, err := jsontext.Encode(members[name])
		if err != nil {
			continue // a member that cannot be encoded must not cost the client the rest
		}
		if doc.Len() > 1 {
			doc.WriteByte(',')
		}
		key, _ := jsontext.Encode(name) // a string can always be encoded
		doc.Write(key.Bytes())
		doc.WriteByte(':')
		doc.Write(value.Bytes())
		key.Release()
		value.Release()
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

// Write writes a whole error response with the header fields.
func Write(w http.ResponseWriter, r *http.Request, status int, header http.Header, contentType string, body []byte) {
	h := w.Header()
	discard(h)
	for name, values := range header {
		if name == "Vary" { // the Vary of other layers still applies
			values = append(slices.Clip(h[name]), values...)
		}
		if values = slices.DeleteFunc(slices.Clone(values), unsendable); len(values) > 0 {
			h[name] = values
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	NoSniff(h)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// NoSniff keeps browsers from guessing another type for the body. An existing entry
// stays: nil disables the field.
func NoSniff(h http.Header) {
	if _, own := h["X-Content-Type-Options"]; !own {
		h["X-Content-Type-Options"] = []string{"nosniff"}
	}
}

// unsendable reports whether the value of a header field has a control byte, which may
// come from the client. Over HTTP/2 net/http omits such a field; over HTTP/1 it would
// replace line breaks with spaces and send all the others (RFC 9110, section 5.5).
func unsendable(value string) bool {
	return strings.IndexFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) >= 0
}

// discard removes the fields that describe the response that will not be sent.
// Everything else stays: fields of layers outside, such as CORS, apply to the error
// too. A Cache-Control that forbids storing stays as well.
func discard(h http.Header) {
	for _, name := range []string{
		"Content-Length", "Content-Encoding", "Content-Range", "Content-Disposition", "Etag", "Last-Modified",
		"Expires", "Cdn-Cache-Control", "Surrogate-Control",
	} {
		delete(h, name)
	}
	response.DeleteTrailers(h)
	if !strings.Contains(strings.ToLower(strings.Join(h["Cache-Control"], ",")), "no-store") {
		delete(h, "Cache-Control")
	}
}
