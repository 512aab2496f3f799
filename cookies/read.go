package cookies

import (
	"iter"
	"net/http"
	"strings"
)

// Cookies are read as Next.js reads them, which is close to what browsers send
// and far from RFC 6265. Browsers send back whatever a script or an old server
// stored: JSON, stray quotes, bytes above 0x7f, names like "a[0]".
// [http.Request.Cookies] silently drops such a cookie, so that a service moved
// from Next.js to Go would lose sessions. The rules here are
//
//   - pairs end at ";", and only there;
//   - a pair needs "=" and a name; spaces and tabs around both are cut;
//   - one pair of quotes around the value is cut, a lone quote is kept;
//   - the value is percent-decoded as a whole, and left as it came when an
//     escape is malformed or the result is not UTF-8; "+" is a plus sign;
//   - a pair with a control byte other than tab is skipped;
//   - of several cookies of one name the first wins.
//
// Nothing is kept between calls. A cache in the request would cause a race in
// handlers that read cookies from several goroutines, and would save little:
// the scan does not allocate and takes half the time of http.Request.Cookie.

// The limits on the Cookie headers of a request. A request over either of them
// has no cookies.
const (
	// MaxPairs is the limit of net/http, counted in the same way: the pieces
	// between semicolons, over all Cookie headers.
	MaxPairs = 3000
	// HeaderLimit is the limit on the total length of the Cookie headers, in
	// bytes. Node, and with it Next.js, refuses a request whose headers exceed
	// 16 KiB.
	HeaderLimit = 256 << 10
)

// All returns the cookies of the request by name, decoded. The map is never
// nil, and the caller may change it. It is empty if [Check] fails.
//
// Next.js: req.cookies.
func All(r *http.Request) map[string]string {
	all := make(map[string]string)
	lines := r.Header["Cookie"]
	if check(lines) != nil {
		return all
	}
	for _, line := range lines {
		for line != "" {
			var name, raw string
			name, raw, line = next(line)
			if _, seen := all[name]; seen || name == "" || hasControl(name) {
				continue
			}
			if text, ok := textOf(raw); ok {
				all[name] = decode(text)
			}
		}
	}
	return all
}

// Lookup returns the value of the first cookie with the name, decoded, and
// reports whether the request has one. It allocates only if the value has
// percent escapes.
//
// A browser sends cookies with longer paths first, and a sibling subdomain can
// plant one. A name that starts with "__Host-" keeps subdomains out; sign a
// value that must be trusted (see [Signer]).
//
// Next.js: req.cookies[name].
func Lookup(r *http.Request, name string) (string, bool) {
	for value := range values(r, name) {
		return value, true
	}
	return "", false
}

// values yields the value of each cookie with the name.
func values(r *http.Request, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text := range texts(r, name) {
			if !yield(decode(text)) {
				return
			}
		}
	}
}

// texts yields the value of each cookie with the name as sent, still escaped.
func texts(r *http.Request, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		lines := r.Header["Cookie"]
		if name == "" || hasControl(name) || check(lines) != nil {
			return
		}
		for _, line := range lines {
			for line != "" {
				var found, raw string
				found, raw, line = next(line)
				if found != name {
					continue
				}
				if text, ok := textOf(raw); ok && !yield(text) {
					return
				}
			}
		}
	}
}

// Check returns a [*LimitError] if the Cookie headers of the request exceed
// [MaxPairs] or [HeaderLimit], and nil otherwise. All and Lookup see no cookies
// then; a handler that must tell this from a request without cookies calls
// Check first.
func Check(r *http.Request) error {
	if err := check(r.Header["Cookie"]); err != nil {
		return err
	}
	return nil
}

// check counts before anything is split, so that refusing costs only one pass
// over the bytes.
func check(lines []string) *LimitError {
	pairs, bytes := 0, 0
	for _, line := range lines {
		bytes += len(line)
		pairs += strings.Count(line, ";") + 1
	}
	if pairs > MaxPairs || bytes > HeaderLimit {
		return &LimitError{Pairs: pairs, Bytes: bytes}
	}
	return nil
}

// next cuts the first piece off a Cookie header. A piece that is not a pair has
// the name "".
func next(line string) (name, raw, rest string) {
	piece, rest, _ := strings.Cut(line, ";")
	name, raw, ok := strings.Cut(piece, "=")
	if !ok {
		return "", "", rest
	}
	return trim(name), raw, rest
}

// textOf returns the text after "=" without surrounding space and quotes.
func textOf(raw string) (text string, ok bool) {
	if hasControl(raw) {
		return "", false
	}
	raw = trim(raw)
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' {
		raw = raw[1 : n-1]
	}
	return raw, true
}

// trim cuts the white space of RFC 9110, section 5.6.3.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
