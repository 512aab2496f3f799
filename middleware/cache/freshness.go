package cache

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime returns the lifetime that the response states, or else that of the config.
func (d directives) lifetime(h http.Header, config Lifetime, now time.Time) Lifetime {
	p := Lifetime{
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

// stated converts the duration of a directive to a Lifetime field, where 0 is unset and
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

// A use is how a stored entry may be used.
type use int

const (
	none     use = iota
	fresh        // as it is
	stale        // as it is, while it is revalidated
	fallback     // if revalidating it fails
)

// usable returns how the entry may be used at its age.
func (e *Entry) usable(now time.Time) use {
	past := e.age(now) - e.Lifetime.TTL
	switch {
	case past < 0:
		return fresh
	case past < e.Lifetime.StaleWhileRevalidate:
		return stale
	case past < e.Lifetime.StaleIfError:
		return fallback
	}
	return none
}

// servesOnError reports whether an entry exists that may be served in place of an error
// (RFC 5861, section 4).
func (e *Entry) servesOnError(now time.Time) bool {
	return e != nil && e.age(now)-e.Lifetime.TTL < e.Lifetime.StaleIfError
}

// age returns how old the response is, 0 if the clock of the machine that made it is
// ahead.
func (e *Entry) age(now time.Time) time.Duration { return max(now.Sub(e.Created), 0) }
