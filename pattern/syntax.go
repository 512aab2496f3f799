package pattern

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A segment is a piece of a pattern between slashes.
type segment struct {
	kind kind
	text string // the text of a static segment, else the name
}

func (s segment) String() string {
	switch s.kind {
	case single:
		return "[" + s.text + "]"
	case rest:
		return "[..." + s.text + "]"
	case optional:
		return "[[..." + s.text + "]]"
	}
	return s.text
}

// A SyntaxError reports a pattern that Parse refuses.
type SyntaxError struct {
	Pattern  string // as given
	Offset   int    // of the bad segment, in bytes
	Category string // one of those listed at [ConflictError]
	Msg      string // what is wrong
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("pattern: parsing %q: at offset %d: %s", e.Pattern, e.Offset, e.Msg)
}

// The categories of errors. The first ten are those of Next.js; see
// [ConflictError].
const (
	catchAllNotLast     = "catch-all-not-last"
	ellipsisCharacter   = "ellipsis-character"
	extraBrackets       = "extra-brackets"
	erroneousPeriod     = "erroneous-period"
	optionalSingle      = "optional-single-param-unsupported"
	repeatedName        = "repeated-slug-name"
	nonWordNames        = "slug-names-differ-only-by-non-word"
	differentNames      = "different-slug-names"
	requiredAndOptional = "required-and-optional-catch-all"
	sameSpecificity     = "optional-catch-all-specificity-conflict"
	emptyName           = "empty-name"
	invalidUTF8         = "invalid-utf-8"
	duplicateRoute      = "duplicate-route"
)

// parse parses s. A pattern whose only mistake is an empty name is returned
// together with the error, because Sort has to place it like Next.js.
func parse(s string) (*compiled, *SyntaxError) {
	if !utf8.ValidString(s) {
		return nil, &SyntaxError{s, invalidUTF8Offset(s), invalidUTF8, "not valid UTF-8"}
	}
	c := &compiled{text: normal(s), segs: make([]segment, 0, strings.Count(s, "/")+1)}
	var unnamed *SyntaxError
	words := make([]string, 0, 4) // of the parameters
	for start, end := 0, 0; start < len(s); start = end + 1 {
		end = segmentEnd(s, start)
		if start == end {
			continue
		}
		fail := func(category, msg string) (*compiled, *SyntaxError) {
			return nil, &SyntaxError{s, start, category, msg}
		}
		if n := len(c.segs); n > 0 && c.segs[n-1].kind.isCatchAll() {
			return fail(catchAllNotLast, "a catch-all must be the last segment")
		}
		seg, category, msg := parseSegment(s[start:end])
		if category != "" {
			return fail(category, msg)
		}
		if seg.kind.isParam() {
			word := wordPart(seg.text)
			for i, p := range c.params {
				if p.name == seg.text {
					return fail(repeatedName, fmt.Sprintf("the name %q is used twice", seg.text))
				}
				if words[i] == word {
					return fail(nonWordNames, fmt.Sprintf("the names %q and %q differ only in characters other than ASCII letters, digits and '_'", p.name, seg.text))
				}
			}
			if seg.text == "" && unnamed == nil {
				unnamed = &SyntaxError{s, start, emptyName, "a parameter needs a name"}
			}
			c.params = append(c.params, param{seg.text, "[" + seg.text + "]", len(c.segs), seg.kind})
			c.names = addName(c.names, seg.text, seg.kind)
			words = append(words, word)
		}
		c.segs = append(c.segs, seg)
	}
	return c, unnamed
}

// parseSegment parses a single segment. The order of its checks is that of
// Next.js, which decides the category of an input with several mistakes.
func parseSegment(s string) (seg segment, category, msg string) {
	if s[0] != '[' || s[len(s)-1] != ']' || len(s) < 2 {
		return segment{static, s}, "", ""
	}
	name, inBrackets := s[1:len(s)-1], false
	if len(name) >= 2 && name[0] == '[' && name[len(name)-1] == ']' {
		name, inBrackets = name[1:len(name)-1], true
	}
	if strings.HasPrefix(name, "…") {
		return seg, ellipsisCharacter, "the character '…' stands where three dots are meant"
	}
	name, catchAll := strings.CutPrefix(name, "...")
	switch {
	case strings.HasPrefix(name, "[") || strings.HasSuffix(name, "]"):
		return seg, extraBrackets, "a name must not begin or end with a bracket"
	case strings.HasPrefix(name, "."):
		return seg, erroneousPeriod, "a name must not begin with a period"
	case inBrackets && !catchAll:
		return seg, optionalSingle, fmt.Sprintf("only a catch-all can be optional: write [[...%s]]", name)
	case inBrackets:
		return segment{optional, name}, "", ""
	case catchAll:
		return segment{rest, name}, "", ""
	}
	return segment{single, name}, "", ""
}

// wordPart removes non-word characters in the sense of regular expressions.
// Next.js names the groups of its expressions by the rest.
func wordPart(name string) string {
	word := func(r rune) rune {
		if r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}
	return strings.Map(word, name)
}

// normal gives s one leading slash, single slashes between segments and no
// trailing slash.
func normal(s string) string {
	if len(s) > 0 && s[0] == '/' && !strings.Contains(s, "//") && (len(s) == 1 || s[len(s)-1] != '/') {
		return s
	}
	var b strings.Builder
	for seg := range strings.SplitSeq(s, "/") {
		if seg != "" {
			b.WriteString("/" + seg)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

func segmentEnd(s string, start int) int {
	if i := strings.IndexByte(s[start:], '/'); i >= 0 {
		return start + i
	}
	return len(s)
}

func invalidUTF8Offset(s string) int {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return i
		}
	}
	return len(s)
}
