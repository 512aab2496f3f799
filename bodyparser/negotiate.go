package bodyparser

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

// negotiate finds out from the header what the body is. The order is fixed, and
// the length is checked last: a body refused for its type is not refused for
// its size.
func (b *Body) negotiate(h http.Header) (decode decoder, err error) {
	s := b.settings
	b.media = contentType(h)
	if s.Raw {
		b.kind = untouched
		return nil, nil
	}
	if !b.media.ok {
		return nil, refuse(http.StatusUnsupportedMediaType, "Unsupported media type", errMediaType)
	}
	if b.kind = s.kindOf(b.media.name); b.kind == untouched {
		if s.Verify == nil {
			return nil, nil
		}
		b.kind = text // Verify sees every body
	}
	if b.charset, err = lookupCharset(b.media.charset); err != nil {
		return nil, err
	}
	return s.decoder(h)
}

// kind is how a body is read.
type kind int

const (
	text kind = iota
	jsonValue
	form
	untouched
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// kindOf returns how a body of the type is read.
func (s *settings) kindOf(name string) kind {
	switch {
	case name == jsonType, name == "application/ld+json", strings.HasSuffix(name, "+json"), slices.Contains(s.JSONTypes, name):
		return jsonValue
	case name == formType:
		return form
	case strings.HasPrefix(name, "multipart/"):
		return untouched
	}
	return text
}

// wrongType refuses a body for a caller that needs another kind.
func (b *Body) wrongType(want kind) error {
	accepted := []string{formType}
	if want == jsonValue {
		accepted = append([]string{jsonType}, b.settings.JSONTypes...)
	}
	list := strings.Join(slices.DeleteFunc(accepted, func(name string) bool { return name == "" }), ", ")
	err := refuse(http.StatusUnsupportedMediaType, "Unsupported media type, want "+list, fmt.Errorf("Content-Type %.80q", cmp.Or(b.media.name, "none")))
	err.field, err.accepted = "Accept", list
	return err
}

// A mediaType is a parsed Content-Type.
type mediaType struct {
	name    string // in lower case, without parameters; "" if there is none
	charset string // as written
	ok      bool
}

// longestType limits the length of the Content-Type, which is read before
// anything else. Real ones, with a boundary or a profile, have a few hundred
// bytes.
const longestType = 1000

// contentType parses the Content-Type of a request. No field means no type. Two
// fields, a list, or a repeated parameter are not ok, since another reader of
// the same request may choose differently; mime.ParseMediaType accepts them,
// and a type without a subtype.
func contentType(h http.Header) mediaType {
	switch fields := h["Content-Type"]; len(fields) {
	case 0:
		return mediaType{ok: true}
	case 1:
		switch fields[0] {
		case jsonType: // nearly every request of an API
			return mediaType{name: jsonType, ok: true}
		case "":
			return mediaType{ok: true}
		}
		if len(fields[0]) > longestType {
			return mediaType{}
		}
		return parseMediaType(fields[0])
	}
	return mediaType{}
}

// parseMediaType follows RFC 9110, section 8.3.1, with the parameters of
// section 5.6.6: an empty one, as after a trailing semicolon, is allowed.
func parseMediaType(s string) mediaType {
	head, rest, _ := strings.Cut(strings.Trim(s, " \t"), ";")
	head = strings.TrimRight(head, " \t")
	main, sub, _ := strings.Cut(head, "/")
	if !isToken(main) || !isToken(sub) {
		return mediaType{}
	}
	m := mediaType{name: strings.ToLower(head)}
	var names []string
	for {
		rest = strings.TrimLeft(rest, " \t;")
		if rest == "" {
			m.ok = true
			return m
		}
		end := strings.IndexByte(rest, '=')
		if end < 0 || !isToken(rest[:end]) {
			return m
		}
		name := strings.ToLower(rest[:end])
		value, after, ok := parameterValue(rest[end+1:])
		after = strings.TrimLeft(after, " \t")
		if !ok || after != "" && after[0] != ';' {
			return m
		}
		for _, earlier := range names {
			if earlier == name {
				return m
			}
		}
		// Comparing all parameters of a type with more than this is not worth
		// it.
		if names = append(names, name); len(names) > 32 {
			return m
		}
		if name == "charset" {
			m.charset = value
		}
		rest = after
	}
}

// parameterValue parses a token or a quoted string from the start of s.
func parameterValue(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		end := 0
		for end < len(s) && isTokenByte(s[end]) {
			end++
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c < ' ' && c != '\t', c == 0x7f:
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func isToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// lookupCharset returns the encoding for a charset parameter, nil for UTF-8.
// The names are those of the WHATWG Encoding Standard, as in browsers, without
// UTF-7 and UTF-32.
func lookupCharset(name string) (encoding.Encoding, error) {
	if name == "" || strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8") {
		return nil, nil
	}
	enc, err := htmlindex.Get(name)
	if err == nil && enc != encoding.Replacement {
		if enc == unicode.UTF8 {
			return nil, nil
		}
		return enc, nil
	}
	return nil, refuse(http.StatusUnsupportedMediaType, "Unsupported charset", fmt.Errorf("charset %.40q", name))
}

type decoder = func(io.Reader) (io.ReadCloser, error)

// decoder returns the decompressor of the body, nil if it is not compressed.
// One coding is enough for any client; a list of them allows a zip bomb in a
// zip bomb.
func (s *settings) decoder(h http.Header) (decoder, error) {
	fields := h["Content-Encoding"]
	if len(fields) == 0 {
		return nil, nil
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(fields, ",")))
	if coding == "" || coding == "identity" {
		return nil, nil
	}
	if d, ok := s.Decoders[coding]; ok {
		return d, nil
	}
	codings := slices.Collect(maps.Keys(s.Decoders))
	if s.Inflate {
		switch coding {
		case "gzip":
			return gunzip, nil
		case "deflate":
			return inflate, nil
		}
		codings = append(codings, "gzip", "deflate")
	}
	slices.Sort(codings)
	err := refuse(http.StatusUnsupportedMediaType, "Unsupported content encoding", fmt.Errorf("Content-Encoding %.40q", coding))
	err.field, err.accepted = "Accept-Encoding", strings.Join(append(slices.Compact(codings), "identity"), ", ")
	return nil, err
}
