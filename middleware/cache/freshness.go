package cache

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/response"
)

// policy returns the lifetime that the response states, or else that of the config.
func (d directives) policy(h http.Header, config Policy, now time.Time) Policy {
	p := Policy{
		TTL:                  stated(d.maxAge),
		StaleWhileRevalidate: stated(d.staleWhileRevalidate),
		StaleIfError:         stated(d.staleIfError),
		Public:               d.public,
	}
	switch {
	case d.sMaxAge >= 0:
		p.TTL = stated(d.sMaxAge)
	case d.maxAge < 0 && h["Expires"] != nil:
		p.TTL = -1 // an invalid date counts as expired
		if at, ok := date(h["Expires"]); ok {
			made, ok := date(h["Date"])
			if !ok {
				made = now
			}
			if life := at.Sub(made); life > 0 {
				p.TTL = life
			}
		}
	}
	// s-maxage forbids stale responses as must-revalidate does (RFC 9111, section
	// 5.2.2.10), unless the response allows them itself.
	if d.mustRevalidate || d.sMaxAge >= 0 {
		if d.mustRevalidate || p.StaleWhileRevalidate == 0 {
			p.StaleWhileRevalidate = -1
		}
		if d.mustRevalidate || p.StaleIfError == 0 {
			p.StaleIfError = -1
		}
	}
	return p.over(config)
}

// stated converts the duration of a directive to a Policy field, where 0 is unset and
// negative is off.
func stated(d time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d == 0:
		return -1
	}
	return d
}

// date parses a field with one date, in one of the three formats only (RFC 9110, section
// 5.6.7).
func date(values []string) (time.Time, bool) {
	if len(values) != 1 {
		return time.Time{}, false
	}
	t, err := http.ParseTime(values[0])
	if err != nil {
		return t, false
	}
	for _, layout := range []string{http.TimeFormat, time.RFC850, time.ANSIC} {
		if t.Format(layout) == values[0] {
			return t, true
		}
	}
	return t, false
}

// ageOf returns the Age of a response on arrival. The first member of a list counts, and
// what is not a number counts as none (RFC 9111, section 5.1).
func ageOf(h http.Header) time.Duration {
	first, _, _ := strings.Cut(h.Get("Age"), ",")
	first = strings.Trim(first, " \t")
	if first == "" || strings.Trim(first, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.ParseUint(first, 10, 31)
	if err != nil {
		seconds = math.MaxInt32 // RFC 9111, section 1.2.2
	}
	return time.Duration(seconds) * time.Second
}

// maxVary bounds the fields that a URL may vary with.
const maxVary = 16

// varies returns the fields that the response varies with, in canonical form and sorted,
// and false if it varies with more than can be known.
func varies(h http.Header) (names []string, ok bool) {
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

// spelled returns a copy of a header with canonical names, by which they are looked up: a
// handler may have written others into the map.
func spelled(h http.Header) http.Header {
	copied := h.Clone()
	for name, values := range h {
		if canonical := http.CanonicalHeaderKey(name); canonical != name {
			delete(copied, name)
			copied[canonical] = append(copied[canonical], values...)
		}
	}
	return copied
}

// judge decides by its header whether the response of a flight may be stored. The reasons
// are in order of precedence.
func (f *flight) judge(status int, h http.Header, now time.Time) (p Policy, why reason) {
	cc := h["Cache-Control"]
	if cc == nil {
		cc = f.outside["Cache-Control"] // what a layer outside has set is sent
	}
	d := parseDirectives(cc)
	if targeted := h["Cdn-Cache-Control"]; targeted != nil {
		d = d.and(parseDirectives(targeted))
	}
	p = d.policy(h, f.cache.cfg.Policy, now)
	if own := f.ownPolicy(); own != nil {
		public := own.Public || d.public // a handler can revoke what the config says
		p = own.over(p)
		p.Public = public
	}
	_, known := varies(h)
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
	case f.cache.tooLarge(declared(h)):
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

// declared returns the Content-Length, -1 if there is none.
func declared(h http.Header) int64 {
	if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		return n
	}
	return -1
}

func (c *Cache) tooLarge(size int64) bool {
	return c.cfg.MaxBody >= 0 && size > int64(c.cfg.MaxBody)
}
