package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A target is what a request asks for, as far as the cache tells requests apart.
type target struct {
	key         string // the whole of it but for Vary
	uri         string // the original path, still escaped
	query       string // what of the query the handler may see
	credentials bool   // a cookie, Authorization, or the certificate of a client
	steered     bool   // one of the steering fields
}

// steering are the header fields that are part of every key. Frameworks and
// handlers build links, redirects and routes from them without naming them in
// Vary, so that whoever sends one could have the response to it given to
// others.
var steering = []string{
	"Forwarded", "Origin", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Proto",
	"X-Forwarded-Scheme", "X-Forwarded-Server", "X-Host", "X-Http-Method", "X-Http-Method-Override",
	"X-Method-Override", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url",
}

// maxKey is how long a key may be. What remembers keys is bounded by their
// number, and net/http takes a URL of a megabyte.
const maxKey = 8 << 10

// safe reports whether a method changes nothing (RFC 9110, section 9.2.1).
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "QUERY":
		return true
	}
	return false
}

// target looks at a GET or HEAD request, and reports false if it is none that a stored
// response could answer.
func (c *Cache) target(r *http.Request) (target, bool) {
	var t target
	if r.ContentLength != 0 {
		return t, false // a handler may read a body, which is part of no key
	}
	for name, values := range r.Header {
		switch name {
		case "Cookie", "Authorization":
			t.credentials = true
		case "Range", "If-Match", "If-Unmodified-Since", "Upgrade":
			return t, false
		case "Cache-Control":
			if parseDirectives(values).noStore {
				return t, false
			}
		default:
			if name != "" && (name[0] == 'X' || name[0] == 'F' || name[0] == 'O') {
				t.steered = t.steered || slices.Contains(steering, name)
			}
		}
	}
	t.query = c.visible(r.URL)
	t.uri = originalPath(r)

	// Every part is preceded by its length, so that no part can be made to look
	// like two.
	buf := make([]byte, 0, 256)
	buf = appendPart(buf, r.Host)
	buf = appendPart(buf, t.uri)
	buf = appendPart(buf, t.query)
	if r.TLS != nil {
		buf = append(buf, 't') // links and redirects are built from it
		t.credentials = t.credentials || len(r.TLS.PeerCertificates) > 0
	}
	if r.URL.Scheme != "" || r.URL.User != nil {
		// The absolute form, in which a client may name what it likes.
		named := url.URL{Scheme: r.URL.Scheme, User: r.URL.User, Host: r.URL.Host}
		buf = appendPart(append(buf, 'a'), named.String())
	}
	if r.URL.Path != t.uri || strings.Contains(t.uri, "%") {
		if path := r.URL.EscapedPath(); path != t.uri {
			// Somebody has rewritten the path, with who knows what in mind.
			buf = appendPart(append(buf, 'p'), path)
		}
	}
	if t.steered {
		buf = appendFields(append(buf, 's'), steering, r.Header)
	}
	t.key = string(buf)
	return t, true
}

// originalPath returns the path as the client sent it, which layers outside may
// have shortened or rewritten: two mounts of one cache below http.StripPrefix
// see the same path for different pages.
func originalPath(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") {
		return path
	}
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil && u.Path != "" {
		return u.EscapedPath() // the absolute form, which proxies are sent
	}
	return r.URL.EscapedPath() // a request that did not come from a server
}

// pathTag returns the tag that every entry of a path has. Spellings of one path
// share it. Clients choose paths, of up to a megabyte, so the tag has a hash.
func pathTag(uri string) string {
	if path, err := url.PathUnescape(uri); err == nil {
		uri = path
	}
	sum := sha256.Sum256([]byte(uri))
	return "path:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// visible returns the query without the parameters that are not part of the
// key. The handler must not see them either, or they would change what others
// are given.
func (c *Cache) visible(u *url.URL) string {
	if c.cfg.Query == nil || u.RawQuery == "" {
		return u.RawQuery
	}
	query := u.Query()
	for name := range query {
		if !slices.Contains(c.cfg.Query, name) {
			delete(query, name)
		}
	}
	return query.Encode()
}

// variant returns the key of the variant that a request with header h gets.
func variant(key string, vary []string, h http.Header) string {
	if len(vary) == 0 {
		return key
	}
	return string(appendFields(append([]byte(key), 'v'), vary, h))
}

// appendFields appends the names that h has, with their values.
func appendFields(buf []byte, names []string, h http.Header) []byte {
	for _, name := range names {
		values := h[name]
		if name == "Host" {
			continue // a part of every key
		}
		buf = appendPart(buf, name)
		buf = strconv.AppendInt(buf, int64(len(values)), 10)
		for _, v := range values {
			buf = appendPart(append(buf, ','), v)
		}
	}
	return buf
}

func appendPart(buf []byte, part string) []byte {
	buf = strconv.AppendInt(buf, int64(len(part)), 10)
	buf = append(buf, ':')
	return append(buf, part...)
}

// narrow takes from r, a copy, what of the query is not part of the key, also
// where a layer outside has parsed it, or has rewritten the URL alone.
func (t *target) narrow(r *http.Request) {
	_, asked, _ := strings.Cut(r.RequestURI, "?")
	if r.URL.RawQuery == t.query && (asked == t.query || r.RequestURI == "") {
		return
	}
	u := *r.URL
	u.RawQuery = t.query
	r.URL, r.Form = &u, nil
	if r.RequestURI != "" {
		r.RequestURI = t.uri
		if t.query != "" {
			r.RequestURI += "?" + t.query
		}
	}
}

// generalize takes from r, a copy, what of it concerns this client alone: the
// handler is to make the whole response, whatever the client has already. The
// header is copied in any case: what the response varies with is looked up in
// the client's once the handler has returned, and layers inside may have
// changed theirs.
func (t *target) generalize(r *http.Request) {
	t.narrow(r)
	r.Header = r.Header.Clone()
	delete(r.Header, "If-None-Match")
	delete(r.Header, "If-Modified-Since")
}
