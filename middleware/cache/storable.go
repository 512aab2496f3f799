package cache

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/response"
)

// mayStore decides by its header whether the response of a flight may be stored. The
// reasons are in order of precedence.
func (f *flight) mayStore(status int, h http.Header, now time.Time) (p Lifetime, why reason) {
	cc := h["Cache-Control"]
	if cc == nil {
		cc = f.outerHeader["Cache-Control"] // what a layer outside has set is sent
	}
	d := parseDirectives(cc)
	if targeted := h["Cdn-Cache-Control"]; targeted != nil {
		d = d.withTargeted(parseDirectives(targeted))
	}
	p = d.lifetime(h, f.cache.cfg.Lifetime, now)
	if own := f.ownLifetime(); own != nil {
		public := own.Public || d.public // a handler can revoke what the config says
		p = own.over(p)
		p.Public = public
	}
	_, known := parseVary(h)
	switch {
	case d.noStore:
		return p, sayNoStore
	case d.private:
		return p, sayPrivate
	case d.noCache:
		return p, sayNoCache
	case h["Set-Cookie"] != nil:
		return p, setCookie
	case !known:
		return p, varyAll
	case h["Trailer"] != nil:
		return p, hasTrailers
	case endless(h):
		return p, isStream
	case f.key.credentials && !p.Public:
		return p, hasCredentials
	case f.cache.tooLarge(contentLength(h)):
		return p, tooLarge
	case status >= 500:
		return p, serverError
	case !storable(status):
		return p, otherStatus
	case p.TTL <= 0:
		return p, noLifetime
	}
	return p, kept
}

// storable reports whether a response with the status stands for the resource: not a
// part, not a response to one client's credentials, not an error.
func storable(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusMovedPermanently, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// endless reports whether responses of this media type do not end.
func endless(h http.Header) bool {
	contentType := h.Get("Content-Type")
	return response.IsEventStream(contentType) || mediatype.Is(contentType, "multipart/x-mixed-replace")
}

// contentLength returns the Content-Length, -1 if there is none.
func contentLength(h http.Header) int64 {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		return n
	}
	return -1
}

func (c *Cache) tooLarge(size int64) bool {
	return c.cfg.BodyLimit >= 0 && size > int64(c.cfg.BodyLimit)
}

// maxVary bounds the fields that a URL may vary with.
const maxVary = 16

// parseVary returns the fields that the response varies with, in canonical form and
// sorted, and false if it varies with more than can be known.
func parseVary(h http.Header) (names []string, ok bool) {
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			switch field = strings.TrimSpace(field); field {
			case "":
			case "*":
				return nil, false
			default:
				names = append(names, http.CanonicalHeaderKey(field))
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names, len(names) <= maxVary
}

// canonicalHeader returns a copy of a header with canonical names, by which they are
// looked up: a handler may have written others into the map.
func canonicalHeader(h http.Header) http.Header {
	copied := h.Clone()
	for name, values := range h {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			delete(copied, name)
			copied[canonical] = append(copied[canonical], values...)
		}
	}
	return copied
}
