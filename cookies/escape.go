package cookies

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// encode escapes a value as encodeURIComponent does: every byte except letters,
// digits and - _ . ! ~ * ' ( ). RFC 6265 allows all bytes of the result in a
// cookie value.
func encode(s string) string {
	escapes := 0
	for i := 0; i < len(s); i++ {
		if !unescaped(s[i]) {
			escapes++
		}
	}
	if escapes == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+2*escapes)
	for i := 0; i < len(s); i++ {
		if c := s[i]; unescaped(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

func unescaped(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-_.!~*'()", c) >= 0
}

// decode undoes encode. Like decodeURIComponent in the parser of Next.js, it
// decodes the whole value or nothing: "100%" and "%E9" stay unchanged.
// PathUnescape of net/url accepts any bytes.
func decode(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) {
				return s
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi > 15 || lo > 15 {
				return s
			}
			c = hi<<4 | lo
			i += 2
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return s
	}
	return string(b)
}

// unhex returns the value of a hexadecimal digit, or at least 16 for any other
// byte.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}
