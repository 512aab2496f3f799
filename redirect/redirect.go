package redirect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// To redirects to target with 307, Temporary Redirect. The browser repeats the request with
// its method and body: right for a moved endpoint, wrong after a form, which would be posted
// a second time. After a form use [Local], or [Code] with 303.
//
// The target is sent as given: not checked (use [Local] or an [AllowList] for targets that a
// client supplied), not cleaned, not resolved against the request's path. Only spaces and
// bytes above 0x7e are percent-encoded. An empty target is sent too, as in Next.js, and
// browsers do not follow it. A target with a control byte is answered with 500 and returned
// as an [*Error].
//
// Next.js: res.redirect(target).
func To(w http.ResponseWriter, r *http.Request, target string) error {
	return Code(w, r, http.StatusTemporaryRedirect, target)
}

// Code is [To] with the given status, 300 to 399. Browsers treat them as
// follows:
//
//	301 308  moved for good, may be cached; 301 turns POST into GET
//	302 307  moved for now; 302 turns POST into GET
//	303      see the target with GET, after any method
//
// Any other status is answered with 500 and returned as an [*Error]: browsers
// ignore the Location of a 200, and net/http panics below 100.
//
// Next.js: res.redirect(code, target).
func Code(w http.ResponseWriter, r *http.Request, code int, target string) error {
	if code < 300 || code > 399 {
		return fail(w, r, target, 0, fmt.Sprintf("has the status %d, which is not one from 300 to 399", code))
	}
	for i := range len(target) {
		if isControl(target[i]) {
			return fail(w, r, target, i, "has a control byte")
		}
	}
	return send(w, r, code, escape(target))
}

// Local redirects to target if [IsLocal] accepts it, else to fallback. Use it for
// targets that come with the request, such as the next parameter of a login page. The
// status is 303 after POST and other unsafe methods, so that the browser continues
// with GET, and 307 after GET, HEAD, OPTIONS and TRACE.
//
// A target of more than 8192 bytes is replaced by the fallback too: browsers and
// proxies refuse headers not much longer than that.
//
// The fallback must be local even if it is not needed; if it is not, the response is
// 500 and the error an [*Error]. Local never redirects to another origin.
func Local(w http.ResponseWriter, r *http.Request, target, fallback string) error {
	if offset, reason := notLocal(fallback); reason != "" {
		return fail(w, r, fallback, offset, reason+", and is the fallback")
	}
	if len(target) > targetLimit || !IsLocal(target) {
		target = fallback
	}
	return send(w, r, statusFor(r), escape(target))
}

// targetLimit is the length limit for targets that clients supply, in bytes.
const (
	targetLimit = 8192
	tooLong     = "has more than 8192 bytes"
)

// statusFor returns 303, which makes a browser continue with GET, after unsafe
// methods, else the default of To.
func statusFor(r *http.Request) int {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return http.StatusTemporaryRedirect
	}
	return http.StatusSeeOther
}

// send writes the redirect. The body is the location in plain text, as in
// Next.js. It replaces a Content-Type that the handler has set: as text/html the
// location would be markup.
func send(w http.ResponseWriter, r *http.Request, code int, location string) error {
	if committed(w) {
		return errors.New("redirect: the response header is already sent")
	}
	h := w.Header()
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	h.Set("Location", location)
	if code == http.StatusNotModified {
		w.WriteHeader(code)
		return nil
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	problem.NoSniff(h)
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		// The redirect is in the header. A body that is lost changes nothing.
		_, _ = io.WriteString(w, location)
	}
	return nil
}

// fail responds to a redirect that no handler should make.
func fail(w http.ResponseWriter, r *http.Request, target string, offset int, reason string) error {
	err := &Error{Target: target, Offset: offset, Reason: reason, status: http.StatusInternalServerError}
	return problem.Refuse(w, r, err, err, nil, nil)
}

func committed(w http.ResponseWriter) bool {
	rw, ok := response.Of(w)
	return ok && rw.Committed()
}

// escape percent-encodes what a header cannot hold: everything but visible
// ASCII. Existing escapes stay.
func escape(target string) string {
	n := 0
	for i := range len(target) {
		if !visible(target[i]) {
			n++
		}
	}
	if n == 0 {
		return target
	}
	const upperHex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(target) + 2*n)
	for i := range len(target) {
		c := target[i]
		if visible(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
	return b.String()
}

func visible(c byte) bool   { return ' ' < c && c < 0x7f }
func isControl(c byte) bool { return c < ' ' || c == 0x7f }
