package cookies

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apiece/apiece/internal/response"
)

// The limits of browsers, by the draft that replaces RFC 6265 (section 5.6): a
// longer pair is dropped, a longer attribute ignored.
const (
	maxPair      = 4096
	maxAttribute = 1024
)

// Set adds a Set-Cookie header for c to the response, with the value escaped as
// encodeURIComponent does, so that [Lookup] and Next.js read the original value.
//
// A cookie that a browser or net/http would drop or change is an [*Error]
// instead, and no header is written:
//
//   - a name that is not a token, a value that is not UTF-8;
//   - control bytes, semicolons, non-ASCII and outer spaces in the path;
//   - a malformed domain;
//   - name and escaped value over 4096 octets, a path over 1024;
//   - SameSite=None or Partitioned without Secure;
//   - "__Secure-" without Secure, "__Host-" without Secure and Path=/ or with a
//     domain, "__Http-" and "__Host-Http-" without HttpOnly, in any letter case;
//   - an expiry before 1601 or after 9999, an unknown SameSite;
//   - attributes in c.Unparsed, which net/http would not write.
//
// A cookie set earlier in the same response with the same name, domain and path is replaced, as a
// browser would do. All other Set-Cookie headers stay.
//
// MaxAge is in seconds and 0 means none; [Delete] writes an expired cookie. A lifetime over 400
// days, by MaxAge or Expires, is written as 400 days, at which browsers cap it. Unlike in Express,
// Path has no default: without one, or with one that does not begin with "/", the browser uses the
// directory of the request's path.
//
// Next.js: res.setHeader("Set-Cookie", serialize(name, value, options)).
func Set(w http.ResponseWriter, c *http.Cookie) error {
	if c == nil {
		return errNil
	}
	if !utf8.ValidString(c.Value) {
		return &Error{c.Name, "Value", "is not UTF-8 and could not be read back"}
	}
	encoded := *c
	encoded.Value = encode(c.Value)
	return write(w, &encoded)
}

// SetRaw is [Set] without the escaping, for a reader that expects the value byte for
// byte. It refuses the bytes that RFC 6265, section 4.1.1, excludes: quotes,
// semicolons, backslashes, control bytes, non-ASCII and, unless c.Quoted is set,
// spaces and commas. [Lookup] still decodes percent escapes.
func SetRaw(w http.ResponseWriter, c *http.Cookie) error {
	if c == nil {
		return errNil
	}
	if !c.Quoted {
		// net/http would put quotes around these.
		if i := strings.IndexAny(c.Value, " ,"); i >= 0 {
			return &Error{c.Name, "Value", fmt.Sprintf("has %q at offset %d", c.Value[i], i)}
		}
	}
	return write(w, c)
}

// Delete adds a Set-Cookie header that makes the browser delete the cookie: an
// empty value and an expiry in 1970, as Next.js does. The value and lifetime of c
// are ignored. A browser deletes only the cookie with the same name, path and
// domain (and, for Partitioned, the same partition), so pass those it was set
// with. Delete refuses what [Set] refuses.
func Delete(w http.ResponseWriter, c *http.Cookie) error {
	if c == nil {
		return errNil
	}
	gone := *c
	gone.Value = ""
	gone.MaxAge = 0
	gone.Expires = time.Unix(0, 0)
	return write(w, &gone)
}

func write(w http.ResponseWriter, c *http.Cookie) error {
	if err := validate(c); err != nil {
		return err
	}
	if rw, ok := response.Of(w); ok && rw.Committed() {
		return &Error{Name: c.Name, Reason: "the response header is already sent"}
	}
	c = capped(c)
	h := w.Header()
	h["Set-Cookie"] = append(slices.DeleteFunc(h["Set-Cookie"], func(line string) bool {
		return overwrites(c, line)
	}), c.String())
	return nil
}

// overwrites reports whether a browser would replace the cookie of an earlier
// Set-Cookie line by c (RFC 6265, section 5.3, step 11). A line that net/http
// cannot read in full stays: it may be another cookie.
func overwrites(c *http.Cookie, line string) bool {
	if !strings.HasPrefix(line, c.Name+"=") {
		return false
	}
	old, err := http.ParseSetCookie(line)
	return err == nil && len(old.Unparsed) == 0 && old.Path == c.Path && old.Partitioned == c.Partitioned &&
		strings.EqualFold(strings.TrimPrefix(old.Domain, "."), strings.TrimPrefix(c.Domain, "."))
}

// validate returns an error for a cookie that would not arrive unchanged.
func validate(c *http.Cookie) error {
	refuse := func(field, format string, args ...any) error {
		return &Error{c.Name, field, fmt.Sprintf(format, args...)}
	}
	if err := c.Valid(); err != nil {
		return refuse("", "%s", strings.TrimPrefix(err.Error(), "http: "))
	}
	if y := c.Expires.UTC().Year(); y > 9999 {
		return refuse("Expires", "is in the year %d, HTTP dates end with 9999", y)
	}
	if c.SameSite < 0 || c.SameSite > http.SameSiteNoneMode {
		return refuse("SameSite", "has the unknown value %d", c.SameSite)
	}
	if c.SameSite == http.SameSiteNoneMode && !c.Secure {
		return refuse("SameSite", "is None, which needs Secure")
	}
	if len(c.Unparsed) > 0 {
		return refuse("Unparsed", "holds attributes that net/http does not write")
	}
	if strings.Trim(c.Path, " ") != c.Path {
		return refuse("Path", "has spaces around it, which browsers cut")
	}
	octets := len(c.Name) + len(c.Value)
	if c.Quoted {
		octets += 2
	}
	if octets > maxPair {
		return refuse("Value", "makes the pair %d octets long, browsers drop it above %d", octets, maxPair)
	}
	if len(c.Path) > maxAttribute {
		return refuse("Path", "is %d octets long, browsers ignore it above %d", len(c.Path), maxAttribute)
	}
	if strings.HasSuffix(c.Domain, ".") {
		return refuse("Domain", "ends with a dot, which makes it another domain than the one without")
	}
	if reason := brokenPromise(c); reason != "" {
		return refuse("Name", "%s", reason)
	}
	return nil
}

// brokenPromise returns which requirement of its name prefix the cookie does
// not meet. Browsers ignore the case of prefixes.
func brokenPromise(c *http.Cookie) string {
	host := hasPrefixFold(c.Name, "__Host-")
	httpOnly := hasPrefixFold(c.Name, "__Http-") || hasPrefixFold(c.Name, "__Host-Http-")
	switch {
	case !host && !httpOnly && !hasPrefixFold(c.Name, "__Secure-"):
	case !c.Secure:
		return "has a prefix that needs Secure"
	case host && c.Path != "/":
		return fmt.Sprintf("has a prefix that needs Path to be /, not %q", c.Path)
	case host && c.Domain != "":
		return "has a prefix that forbids Domain"
	case httpOnly && !c.HttpOnly:
		return "has a prefix that needs HttpOnly"
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
