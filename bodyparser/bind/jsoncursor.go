package bind

import (
	"encoding/json"
	"strconv"
	"strings"
)

// A cursor is a position in the text of JSON values that a decoder has accepted.
// It scans their bytes again, which costs less than decoding them.
type cursor struct {
	text string
	pos  int
}

// next returns the byte of the next token, 0 at the end.
func (c *cursor) next() byte {
	for c.pos < len(c.text) {
		switch b := c.text[c.pos]; b {
		case ' ', '\t', '\r', '\n':
			c.pos++
		default:
			return b
		}
	}
	return 0
}

// accept skips the byte if it is the next token.
func (c *cursor) accept(b byte) bool {
	if c.next() != b {
		return false
	}
	c.pos++
	return true
}

// value skips a value and returns it.
func (c *cursor) value() string {
	c.next()
	start := c.pos
	for depth := 0; c.pos < len(c.text); {
		switch c.next() {
		case '"':
			c.string()
		case '[', '{':
			depth++
			c.pos++
			continue
		case ']', '}':
			depth--
			c.pos++
		case ',', ':':
			c.pos++
			continue
		default:
			for c.pos++; c.pos < len(c.text) && strings.IndexByte(" \t\r\n,]}", c.text[c.pos]) < 0; c.pos++ {
			}
		}
		if depth <= 0 {
			break
		}
	}
	return c.text[start:c.pos]
}

// string skips a string.
func (c *cursor) string() {
	for c.pos++; c.pos < len(c.text); c.pos++ {
		switch c.text[c.pos] {
		case '\\':
			c.pos++
		case '"':
			c.pos++
			return
		}
	}
}

// hugeNumber reports whether a number in the text is too large for a float64,
// so that converting it would fail later.
func hugeNumber(text string) bool {
	for c := (cursor{text: text}); c.pos < len(text); {
		switch b := text[c.pos]; {
		case b == '"':
			c.string()
		case '0' <= b && b <= '9':
			raw := c.value()
			// A number of fewer digits is too large only with an exponent.
			if len(raw) <= 300 && !strings.ContainsAny(raw, "eE") {
				continue
			}
			if _, err := strconv.ParseFloat(raw, 64); err != nil {
				return true
			}
		default:
			c.pos++
		}
	}
	return false
}

// name skips the name of a member and the colon.
func (c *cursor) name() string {
	c.next()
	start := c.pos
	c.string()
	name := unquote(c.text[start:c.pos])
	c.accept(':')
	return name
}

// unquote returns the text of a JSON string.
func unquote(quoted string) string {
	if len(quoted) < 2 {
		return ""
	}
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s)
	return s
}
