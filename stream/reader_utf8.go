package stream

import "unicode/utf8"

// appendValid appends b and replaces invalid UTF-8 by U+FFFD as the WHATWG encoding
// standard decodes it: one replacement for the longest truncated beginning of a
// character. Neither strings.ToValidUTF8 (one for a whole run) nor a range loop (one per
// byte) does that.
func appendValid(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return append(dst, b...)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = brokenOff(b)
		}
		dst = utf8.AppendRune(dst, r)
		b = b[n:]
	}
	return dst
}

// brokenOff returns how many bytes of b, which begins no valid character, could have
// begun one; at least 1. The ranges are those of table 3-7 of the Unicode standard.
func brokenOff(b []byte) int {
	more, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		more = 1
	case c >= 0xE0 && c <= 0xEF:
		more = 2
		if c == 0xE0 {
			low = 0xA0
		}
		if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		more = 3
		if c == 0xF0 {
			low = 0x90
		}
		if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n <= more && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
