package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A requestKey is the part of a request by which the cache tells requests apart.
type requestKey struct {
	key         string // all of it except Vary
	uri         string // the original path, still escaped
	query       string // the part of the query that the handler may see
	body        []byte // of a cached POST, see Config.Post
	post        bool   // a cached POST
	credentials bool   // a cookie, Authorization, or a client certificate
	withheld    bool   // the handler does not see them
	ranged      bool   // has a Range
	noStore     bool   // its response is not stored
}

// keyHeaders are the header fields that are part of every key. Frameworks and handlers
// build links, redirects and routes from them without naming them in Vary, so that one
// client could poison the response for others.
var keyHeaders = []string{
	"Forwarded", "Front-End-Https", "Origin", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl",
	"X-Forwarded-Uri", "X-Host", "X-Http-Method", "X-Http-Method-Override", "X-Method-Override", "X-Original-Host",
	"X-Original-Url", "X-Rewrite-Url", "X-Url-Scheme",
}

// maxKey is how long a key may be, in bytes: it goes to the store, and net/http accepts
// URLs of a megabyte.
const maxKey = 8 << 10

// isSafe reports whether a method changes nothing (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, "QUERY":
		return true
	}
	return false
}

// keyOf returns the key of a GET, HEAD or POST request, or why no stored response could
// satisfy it.
func (c *Cache) keyOf(r *http.Request) (k requestKey, why reason) {
	keyed, private := false, false
	for name, values := range r.Header {
		switch name {
		case "Cookie", "Authorization":
			private = true
		case "Range":
			k.ranged = true
		case "If-Match", "If-Unmodified-Since":
			why = byPrecondition
		case "Upgrade":
			why = byUpgrade
		case "Cache-Control":
			k.noStore = parseDirectives(values).noStore
		default:
			if name != "" && (name[0] == 'X' || name[0] == 'F' || name[0] == 'O') {
				keyed = keyed || slices.Contains(keyHeaders, name)
			}
		}
	}
	k.query = c.keyedQuery(r.URL)
	k.uri = originalPath(r)
	k.credentials = private || r.TLS != nil && len(r.TLS.PeerCertificates) > 0
	k.withheld = private && c.cfg.Lifetime.Public && why != byUpgrade
	if why != kept {
		return k, why
	}
	switch {
	case r.Method == http.MethodPost:
		if k.body, k.post = c.canonicalBody(r); !k.post {
			return k, byMethod
		}
	case r.ContentLength != 0:
		return k, byBody // a handler may read the body, which is not part of the key
	}

	// Every part is preceded by its length, so that one part cannot be mistaken for two.
	buf := make([]byte, 0, 256)
	buf = appendPart(buf, r.Host)
	buf = appendPart(buf, k.uri)
	buf = appendPart(buf, k.query)
	if k.post {
		sum := sha256.Sum256(k.body)
		buf = append(append(buf, 'b'), sum[:]...)
		buf = appendFields(buf, []string{"Content-Type"}, r.Header)
	}
	if r.TLS != nil {
		buf = append(buf, 't') // handlers build links and redirects from it
	}
	if r.URL.Scheme != "" || r.URL.User != nil {
		// The absolute form, in which a client may name any host.
		named := url.URL{Scheme: r.URL.Scheme, User: r.URL.User, Host: r.URL.Host}
		buf = appendPart(append(buf, 'a'), named.String())
	}
	if r.URL.Path != k.uri || strings.Contains(k.uri, "%") {
		if path := r.URL.EscapedPath(); path != k.uri {
			// A layer outside has rewritten the path.
			buf = appendPart(append(buf, 'p'), path)
		}
	}
	if keyed {
		buf = appendFields(append(buf, 's'), keyHeaders, r.Header)
	}
	k.key = string(buf)
	return k, kept
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
		return u.EscapedPath() // the absolute form, as sent to proxies
	}
	return r.URL.EscapedPath() // not from a server
}

// pathTag returns the tag that every entry of a path has. Spellings of one path share it.
// Clients choose paths of up to a megabyte, so the tag is a hash.
func pathTag(uri string) string {
	if path, err := url.PathUnescape(uri); err == nil {
		uri = path
	}
	sum := sha256.Sum256([]byte(uri))
	return "path:" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// keyedQuery returns the query without the parameters that are not part of the key. The
// handler must not see those either, or they would change the shared response.
func (c *Cache) keyedQuery(u *url.URL) string {
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
			continue // part of every key
		}
		buf = appendPart(buf, name)
		if canonical, ok := canonicalAccept(name, values); ok {
			buf = appendPart(append(buf, '='), canonical)
			continue
		}
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

// stripUnkeyed removes from r, a copy, what is not part of the key: query parameters, in
// case a layer outside has parsed them or rewritten only the URL; and the withheld
// credentials.
func (k *requestKey) stripUnkeyed(r *http.Request) {
	if k.withheld {
		r.Header = r.Header.Clone()
		delete(r.Header, "Cookie")
		delete(r.Header, "Authorization")
	}
	if k.post {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(k.body))), int64(len(k.body))
		r.Form, r.PostForm, r.MultipartForm = nil, nil, nil
	}
	_, asked, _ := strings.Cut(r.RequestURI, "?")
	if r.URL.RawQuery == k.query && (asked == k.query || r.RequestURI == "") {
		return
	}
	u := *r.URL
	u.RawQuery = k.query
	r.URL, r.Form = &u, nil
	if r.RequestURI != "" {
		r.RequestURI = k.uri
		if k.query != "" {
			r.RequestURI += "?" + k.query
		}
	}
}

// stripPersonal removes from r, a copy, what concerns this client alone: the handler
// should make the whole response, whatever the client has already. The header is always
// copied: the Vary fields are looked up in the client's header after the handler has
// returned, and layers inside may have changed theirs.
func (k *requestKey) stripPersonal(r *http.Request) {
	h := r.Header.Clone()
	k.stripUnkeyed(r)
	if k.withheld {
		delete(h, "Cookie")
		delete(h, "Authorization")
	}
	r.Header = h
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(h, name)
	}
	for _, name := range []string{"Accept-Encoding", "Accept-Language"} {
		if canonical, ok := canonicalAccept(name, h[name]); ok {
			h[name] = []string{canonical}
		}
	}
	if k.post {
		h["Content-Length"] = []string{strconv.Itoa(len(k.body))}
	}
}
