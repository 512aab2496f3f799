package bytesize

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A SyntaxError says why a text is not a size, and what to write instead. It
// also says what Next.js makes of the same text if that is surprising.
type SyntaxError struct {
	Text   string // the text as it was given
	Offset int    // of the wrong byte in Text; len(Text) if something is missing
	Reason string // what is wrong there: `unknown unit "k"`
	Hint   string // what to do, and what Next.js does: `write "500kb" or "500b"`
}

// Error returns all fields in one line.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bytesize: %q: %s at offset %d: %s", e.Text, e.Reason, e.Offset, e.Hint)
}

// syntaxError adds what Next.js reads to the hint: the leading integer, or no
// number.
func syntaxError(text string, offset int, reason, hint string) *SyntaxError {
	trap := "Next.js reads no number, and applies no limit"
	if n := leadingInteger(text); n != "" {
		trap = fmt.Sprintf("Next.js reads %q", n+"b")
	}
	return &SyntaxError{text, offset, reason, hint + "; " + trap}
}

const example = `write a size such as "1.5mb" or "500b"`

// notANumber explains a text without a digit at offset, where its number should
// begin.
func notANumber(text string, offset int) *SyntaxError {
	rest := text[offset:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case text == "":
		return &SyntaxError{text, 0, "no size", example + ", or leave it out for the default, which is how Next.js reads it"}
	case r == '-' && skipDigits(rest, 1) > 1:
		return &SyntaxError{text, offset, "negative size",
			`write "unlimited" for no limit; a negative limit lets nothing pass in Next.js`}
	case r == '.' && skipDigits(rest, 1) > 1:
		return syntaxError(text, offset, "no digit before the point", fmt.Sprintf("write %q", text[:offset]+"0"+rest))
	case isSpace(r):
		return syntaxError(text, offset, "space before the number", "remove it")
	default:
		return syntaxError(text, offset, "no number", example+`, or "unlimited"`)
	}
}

// notAUnit explains a text whose number ends at end, and whose rest from word
// on, after the spaces, is not a unit.
func notAUnit(text string, end, word int) *SyntaxError {
	rest := text[word:]
	name := rest[:len(rest)-len(strings.TrimLeftFunc(rest, unicode.IsLetter))]
	if name == "" {
		r, _ := utf8.DecodeRuneInString(rest)
		switch {
		case isSpace(r):
			return syntaxError(text, word, fmt.Sprintf("%q after the number", r), "use plain spaces, and only before a unit")
		case r == ',' || r == '_':
			return syntaxError(text, word, fmt.Sprintf("%q in the number", r), "write the digits without separators")
		}
		return syntaxError(text, word, fmt.Sprintf("%q after the number", r), example)
	}
	if _, ok := parseUnit(name); ok {
		end = word + len(name)
		return syntaxError(text, end, "text after the size", fmt.Sprintf("write %q", text[:end]))
	}
	reason, number := fmt.Sprintf("unknown unit %q", name), text[:end]
	switch c := lower(name[0]); {
	case strings.IndexByte(unitLetters, c) >= 0:
		hint := fmt.Sprintf("write %q", number+string(c)+"b")
		if !strings.Contains(number, ".") {
			hint += fmt.Sprintf(" or %q", number+"b")
		}
		return syntaxError(text, word, reason, hint)
	case c == 'e' || c == 'x':
		return syntaxError(text, word, reason, "write the number in decimal digits")
	}
	return syntaxError(text, word, reason, "the units are b, kb, mb, gb, tb and pb")
}

func tooLarge(text string, offset int) *SyntaxError {
	return &SyntaxError{text, offset, "more than 2^53-1 bytes",
		`write "unlimited" for no limit; Next.js goes on with a rounded number`}
}

// leadingInteger returns what JavaScript's parseInt(text, 10) reads, which
// npm's bytes uses for a text that its grammar does not match.
func leadingInteger(text string) string {
	text = strings.TrimLeftFunc(text, isSpace)
	digits := 0
	if text != "" && (text[0] == '+' || text[0] == '-') {
		digits = 1
	}
	end := skipDigits(text, digits)
	if end == digits {
		return ""
	}
	return strings.TrimPrefix(text[:end], "+")
}

// isSpace approximates white space in JavaScript, which includes the byte order
// mark.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff'
}
