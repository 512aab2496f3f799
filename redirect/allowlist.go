package redirect

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/problem"
)

// An AllowList is a list of origins that redirects may lead to, in addition to
// the origin of the request. The zero AllowList has none. An AllowList is safe
// for concurrent use.
type AllowList struct {
	origins map[string]bool
}

// NewAllowList returns an AllowList of the origins, each written as
// scheme://host or scheme://host:port with the scheme http or https. An origin
// includes neither other ports nor subdomains. Write a host outside ASCII in
// punycode. NewAllowList panics on anything else, listing every mistake.
func NewAllowList(origins ...string) *AllowList {
	l := &AllowList{origins: make(map[string]bool, len(origins))}
	var errs []error
	for _, origin := range origins {
		if err := checkOrigin(origin); err != nil {
			errs = append(errs, fmt.Errorf("redirect: origin %q: %w", origin, err))
			continue
		}
		scheme, authority, _ := strings.Cut(origin, "://")
		l.origins[normalize(scheme, authority)] = true
	}
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
	return l
}

// Check returns nil if target is local (see [IsLocal]) or an absolute URL of a
// listed origin, else an [*Error] with status 400. It ignores the letter case
// of scheme and host and a default port. Otherwise the URL must be written
// plainly: no userinfo, no backslash, no space or control byte, no "//host" and
// no "https:path", although browsers would follow these. As with [Local], a
// target has at most 8192 bytes.
func (l *AllowList) Check(target string) error {
	if err := l.check(target); err != nil {
		return err
	}
	return nil
}

// To redirects to target if [AllowList.Check] accepts it, with the status that
// [Local] would use. Otherwise it responds with 400 and returns the [*Error] of
// Check.
func (l *AllowList) To(w http.ResponseWriter, r *http.Request, target string) error {
	if err := l.check(target); err != nil {
		return problem.Refuse(w, r, err, err, nil, nil)
	}
	return send(w, r, statusFor(r), escape(target))
}

func (l *AllowList) check(target string) *Error {
	if offset, reason := l.notAllowed(target); reason != "" {
		return &Error{Target: target, Offset: offset, Reason: reason, status: http.StatusBadRequest}
	}
	return nil
}

// notAllowed is [notLocal] for what the list allows.
func (l *AllowList) notAllowed(target string) (offset int, reason string) {
	if len(target) > targetLimit {
		return targetLimit, tooLong
	}
	offset, reason = notLocal(target)
	scheme, rest, absolute := strings.Cut(target, "://")
	if reason == "" || !absolute {
		return offset, reason
	}
	for i := range len(target) {
		if c := target[i]; c == ' ' || c == '\\' || isControl(c) {
			return i, "has a space, backslash or control byte"
		}
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	// A listed origin is ASCII and has no "@", so no other authority is equal
	// to one, and equal text means the same origin to every reader.
	if !l.origins[normalize(scheme, authority)] {
		return 0, "has an origin that is not listed"
	}
	return 0, ""
}

// normalize returns the form in which origins are compared.
func normalize(scheme, authority string) string {
	scheme, authority = lower(scheme), lower(authority)
	host := authority
	switch scheme {
	case "http":
		host = strings.TrimSuffix(authority, ":80")
	case "https":
		host = strings.TrimSuffix(authority, ":443")
	}
	if strings.IndexByte(host[strings.IndexByte(host, ']')+1:], ':') >= 0 {
		host = authority // two ports: neither is the default
	}
	return scheme + "://" + host
}

// lower is strings.ToLower for ASCII alone: ToLower would turn the Kelvin sign
// into a k.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func checkOrigin(origin string) error {
	scheme, authority, ok := strings.Cut(origin, "://")
	if s := lower(scheme); !ok || s != "http" && s != "https" {
		return errors.New("does not begin with http:// or https://")
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return fmt.Errorf("port %q is not a number from 1 to 65535", port)
		}
	}
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if !ok || literal == "" || strings.Trim(literal, "0123456789abcdefABCDEF:.") != "" {
			return fmt.Errorf("%q is not an IPv6 address in brackets", host)
		}
		return nil
	}
	if host == "" {
		return errors.New("has no host")
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		case c == '/':
			return errors.New("has a path, want only scheme, host and port")
		default:
			return fmt.Errorf("has the byte %q in its host", c)
		}
	}
	return nil
}
