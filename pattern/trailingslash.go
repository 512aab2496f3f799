package pattern

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// TrailingSlash is the policy for paths that end in a slash.
type TrailingSlash uint8

const (
	// ServeBoth serves /a and /a/ alike.
	ServeBoth TrailingSlash = iota
	// RedirectToBare redirects /a/ to /a with 308, as Next.js does. If there is
	// a mux in between that is itself mounted as a subtree, mount that one
	// without the slash too, at "/api" and "/api/": http.ServeMux would redirect
	// /api back to /api/.
	RedirectToBare
	// RedirectToSlash redirects /a to /a/ with 308, as Next.js does with
	// trailingSlash: true. A last segment with a dot is taken for a file name,
	// and redirected the other way.
	RedirectToSlash
)

// redirect redirects a request for the form of the path that is not served. It
// reports whether it did.
//
// The Location is relative, "../a" or "./a/", because the path may have lost a
// prefix on the way. Since it begins with a dot it can neither name another
// host nor be taken for a URL with a scheme.
func (h *Handler) redirect(w http.ResponseWriter, r *http.Request, path string, decoded, registered bool) bool {
	if path == "/" {
		return false
	}
	bare := trimSlash(path)
	last := bare[strings.LastIndexByte(bare, '/')+1:]
	has := len(bare) < len(path)
	want := h.config.TrailingSlash == RedirectToSlash && strings.IndexByte(last, '.') < 0
	if has == want || has && !registered && isMountPoint(r.Pattern, bare) {
		return false
	}
	if decoded {
		last = url.PathEscape(last)
	}
	target := "./" + last + "/"
	if has {
		target = "../" + last
	}
	if r.URL.RawQuery != "" {
		target += "?" + escapeQuery(r.URL.RawQuery)
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusPermanentRedirect)
	return true
}

// escapeQuery escapes the bytes that a header cannot hold.
func escapeQuery(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// isMountPoint reports whether path may be where a ServeMux has mounted a
// subtree, for example "/api/". ServeMux redirects "/api" to "/api/", and a
// redirect back would loop forever. The path may have lost a prefix, so they
// are compared from the end. Register leaves no such point on its mux: it
// registers "/api" too.
func isMountPoint(mux, path string) bool {
	if i := strings.IndexByte(mux, '/'); i >= 0 {
		mux = mux[i:] // without method and host
	}
	mux, end := cutLast(mux)
	if end != "" && end != "{$}" && !strings.HasSuffix(end, "...}") {
		return false
	}
	for path != "" && mux != "" {
		var m, p string
		mux, m = cutLast(mux)
		path, p = cutLast(path)
		if m != p && !strings.HasPrefix(m, "{") {
			return false
		}
	}
	return path == ""
}

// cutLast removes the last segment.
func cutLast(path string) (before, last string) {
	i := max(0, strings.LastIndexByte(path, '/'))
	return path[:i], strings.TrimPrefix(path[i:], "/")
}
