package cache

import (
	"math"
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

// and adds what CDN-Cache-Control says (RFC 9213): of lifetimes that counts, of what
// forbids to store both do.
func (d directives) and(targeted directives) directives {
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
