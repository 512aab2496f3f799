package cache

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// directives are the parsed Cache-Control header. Durations are negative if it does not
// state them.
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
			// A directive with field names, as in private="x-name", is taken to apply to
			// the whole response: a cache need not store the response without those
			// fields (RFC 9111, section 5.2.2.7).
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
				setMin(&d.maxAge, arg)
			case "s-maxage":
				setMin(&d.sMaxAge, arg)
			case "stale-while-revalidate":
				setMin(&d.staleWhileRevalidate, arg)
			case "stale-if-error":
				setMin(&d.staleIfError, arg)
			}
		}
	}
	return d
}

// cutDirective cuts the line at its first unquoted comma.
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
	if quoted { // an unterminated quote must not hide what comes after it
		directive, rest, _ = strings.Cut(line, ",")
		return directive, rest
	}
	return line, ""
}

// setMin sets d to the seconds in arg, if that is less. What is not a number counts as 0:
// an invalid lifetime means stale (RFC 9111, section 4.2.1).
func setMin(d *time.Duration, arg string) {
	seconds, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(arg), `"`), 10, 31)
	if err != nil && seconds != math.MaxInt32 { // which is the result for larger numbers
		seconds = 0
	}
	if said := time.Duration(seconds) * time.Second; *d < 0 || said < *d {
		*d = said
	}
}

// withTargeted adds the directives of CDN-Cache-Control (RFC 9213): its lifetimes take
// precedence, while either field may forbid storing.
func (d directives) withTargeted(targeted directives) directives {
	d.noStore = d.noStore || targeted.noStore
	d.noCache = d.noCache || targeted.noCache
	d.private = d.private || targeted.private
	d.mustRevalidate = d.mustRevalidate || targeted.mustRevalidate
	if targeted.maxAge >= 0 || targeted.sMaxAge >= 0 {
		d.maxAge, d.sMaxAge = targeted.maxAge, targeted.sMaxAge
	}
	if targeted.staleWhileRevalidate >= 0 {
		d.staleWhileRevalidate = targeted.staleWhileRevalidate
	}
	if targeted.staleIfError >= 0 {
		d.staleIfError = targeted.staleIfError
	}
	return d
}
