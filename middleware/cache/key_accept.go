package cache

import (
	"slices"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/mediatype"
)

// canonicalAccept returns the one spelling of an Accept-Encoding or Accept-Language value
// that all equivalent values map to, so that they share a response. Case, blanks, weights
// and lines make no difference, nor does the order of encodings. Languages of the same
// weight keep their order, since servers go by it. The handler sees that spelling. It
// reports false for other fields, for no value, and for what is not a list of names and
// weights.
func canonicalAccept(name string, values []string) (string, bool) {
	if len(values) == 0 || name != "Accept-Encoding" && name != "Accept-Language" {
		return "", false
	}
	type item struct {
		name   string
		weight int // in thousandths
	}
	const most = 32 // more than any browser sends
	var room [8]item
	items := room[:0]
	for _, line := range values {
		for part := range strings.SplitSeq(line, ",") {
			part, params, weighted := strings.Cut(strings.Trim(part, " \t"), ";")
			part = strings.TrimRight(part, " \t")
			if part == "" && !weighted {
				continue
			}
			it := item{part, 1000}
			if weighted {
				q, ok := weight(strings.Trim(params, " \t"))
				if !ok {
					return "", false
				}
				it.weight = q
			}
			if !mediatype.IsToken(part) || len(items) == most {
				return "", false
			}
			if name == "Accept-Language" {
				it.name = canonicalLanguage(part)
			} else {
				it.name = strings.ToLower(part)
			}
			items = append(items, it)
		}
	}
	slices.SortStableFunc(items, func(a, b item) int {
		if a.weight != b.weight || name == "Accept-Language" {
			return b.weight - a.weight
		}
		return strings.Compare(a.name, b.name)
	})
	buf := make([]byte, 0, 64)
	for i, it := range items {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, it.name...)
		if it.weight < 1000 {
			digits := strings.TrimRight(strconv.Itoa(1000 + it.weight)[1:], "0")
			if buf = append(buf, ";q=0"...); digits != "" {
				buf = append(append(buf, '.'), digits...)
			}
		}
	}
	return string(buf), true
}

// weight reads "q=0.5" (RFC 9110, section 12.4.2).
func weight(param string) (thousandths int, ok bool) {
	if len(param) < 3 || param[0]|0x20 != 'q' || param[1] != '=' || len(param) > len("q=0.123") {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(param[2:], ".")
	digits := whole + (fraction + "000")[:3]
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n), err == nil && len(whole) == 1 && n <= 1000
}

// canonicalLanguage writes a language tag as browsers do: en-GB, zh-Hant-TW
// (RFC 5646, section 2.1.1).
func canonicalLanguage(tag string) string {
	var buf []byte
	for i, start := 0, 0; i <= len(tag); i++ {
		if i < len(tag) && tag[i] != '-' {
			continue
		}
		part := strings.ToLower(tag[start:i])
		switch {
		case start > 0 && len(part) == 2:
			part = strings.ToUpper(part)
		case start > 0 && len(part) == 4 && part[0] >= 'a':
			part = strings.ToUpper(part[:1]) + part[1:]
		}
		if start > 0 {
			buf = append(buf, '-')
		}
		buf, start = append(buf, part...), i+1
	}
	return string(buf)
}
