package cache

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// directives are what a Cache-Control header says. Durations are negative where
// it says nothing.
type directives struct {
	noStore, noCache, private, public, mustRevalidate bool

	maxAge, sMaxAge, staleWhileRevalidate, staleIfError time.Duration
}

func parseDirectives(values []string) directives {
	d := directives{maxAge: -1, sMaxAge: -1, staleWhileRevalidate: -1, staleIfError: -1}
	for _, line := range values {
		for line != "" {
			var directive string
			directive, line = cutDirective(line)
			name, arg, _ := strings.Cut(directive, "=")
			// A field that is named, as in private="x-name", may be all that is
			// meant; to leave it out of what is stored is more than a cache
			// has to do (RFC 9111, section 5.2.2.7).
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "no-store":
				d.noStore = true
			case "no-cache":
				d.noCache = true
			case "private":
				d.private = true
			case "public":
				d.public = true
			case "must-revalidate", "proxy-revalidate":
				d.mustRevalidate = true
			case "max-age":
				least(&d.maxAge, arg)
			case "s-maxage":
				least(&d.sMaxAge, arg)
			case "stale-while-revalidate":
				least(&d.staleWhileRevalidate, arg)
			case "stale-if-error":
				least(&d.staleIfError, arg)
			}
		}
	}
	return d
}

// cutDirective cuts the line at its first comma that is not quoted.
func cutDirective(line string) (directive, rest string) {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			quoted = !quoted
		case '\\':
			if quoted {
				i++
			}
		case ',':
			if !quoted {
				return line[:i], line[i+1:]
			}
		}
	}
	if quoted { // a quote that does not end must not hide what comes after it
		directive, rest, _ = strings.Cut(line, ",")
		return directive, rest
	}
	return line, ""
}

// least sets d to the seconds that arg says, if that is less. What is no number
// is 0: a response whose lifetime cannot be read has none (RFC 9111, section
// 4.2.1).
func least(d *time.Duration, arg string) {
	seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(arg), `"`), 10, 31)
	if err != nil && seconds != math.MaxInt32 { // which is what a larger number gives
		seconds = 0
	}
	if said := time.Duration(seconds) * time.Second; *d < 0 || said < *d {
		*d = said
	}
}

// policy returns what the response says of its lifetime, over what the config
// has for those that say nothing.
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
		p.TTL = -1 // what is no date is the past
		if at, err := http.ParseTime(h.Get("Expires")); err == nil && at.After(now) {
			p.TTL = at.Sub(now)
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

// stated returns what a directive says as a field of a Policy, where nothing is 0
// and 0 is off.
func stated(d time.Duration) time.Duration {
	switch {
	case d < 0:
		return 0
	case d == 0:
		return -1
	}
	return d
}

// maxVary bounds the fields that a URL may vary with.
const maxVary = 16

// varies returns the fields that the response varies with, in canonical form
// and in order, and false if it varies with more than can be known.
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

// A verdict is what may be done with a response.
type verdict int

const (
	refuse verdict = iota // it is for the client whose request it answers
	share                 // who waits for it may have it: an error of the server's
	keep                  // it may be stored
)

// judge decides what may be done with the response of a run, from its header,
// and gives the reason if it is not kept.
func (f *fill) judge(status int, h http.Header, now time.Time) (p Policy, v verdict, reason string) {
	cc := h["Cache-Control"]
	if cc == nil {
		cc = f.outside["Cache-Control"] // what a layer outside has set will be sent
	}
	d := parseDirectives(cc)
	p = f.ownPolicy().over(d.policy(h, f.cache.cfg.Policy, now))
	_, known := varies(h)
	switch {
	case d.noStore:
		reason = "Cache-Control says no-store"
	case d.private:
		reason = "Cache-Control says private"
	case d.noCache:
		reason = "Cache-Control says no-cache"
	case h["Set-Cookie"] != nil:
		reason = "it sets a cookie"
	case !known:
		reason = "it varies with more than a cache can know"
	case h["Trailer"] != nil:
		reason = "it has trailers"
	case isStream(h):
		reason = "it is a stream"
	case f.target.credentials && !p.Public:
		reason = "it is for one client"
	case f.cache.tooLarge(declared(h)):
		reason = "it is too large"
	case status >= 500:
		return p, share, statusReason(status)
	case !storable(status):
		reason = statusReason(status)
	case p.TTL <= 0:
		reason = "it has no lifetime"
	default:
		return p, keep, ""
	}
	return p, refuse, reason
}

func statusReason(status int) string { return "its status is " + strconv.Itoa(status) }

// storable reports whether the status is one that stands for itself: no part,
// no answer to this client's credentials, no accident.
func storable(status int) bool {
	switch status {
	case http.StatusOK, http.StatusNonAuthoritativeInfo, http.StatusMovedPermanently, http.StatusPermanentRedirect,
		http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

func isStream(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream")
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
