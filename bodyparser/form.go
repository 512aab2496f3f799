package bodyparser

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// parseForm parses the pairs of a form. They are counted first, because parsing
// is what makes a form of many pairs expensive. A pair that net/url cannot
// parse makes the form invalid; Request.ParseForm returns the others along with
// an error that is easily overlooked.
func (b *Body) parseForm() (url.Values, error) {
	if looksLikeJSON(b.text) {
		return nil, refuse(http.StatusUnsupportedMediaType,
			"The body looks like JSON, and not like a form: its Content-Type should be "+jsonType, errLikeJSON)
	}
	form, decode, err := b.escaped()
	if err != nil {
		return nil, refuse(http.StatusBadRequest, invalidBody, err)
	}
	bound, pairs := b.parser.MaxPairs, 0
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if pairs++; bound >= 0 && pairs > bound {
			return nil, refuse(http.StatusRequestEntityTooLarge, "Too many form fields", errPairs)
		}
	}
	values := make(url.Values, pairs)
	for pair := range strings.SplitSeq(form, "&") {
		if pair == "" {
			continue
		}
		if strings.Contains(pair, ";") {
			return nil, refuse(http.StatusBadRequest, invalidBody, errSemicolon)
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name, decode)
		if err == nil {
			value, err = unescape(value, decode)
		}
		if err != nil {
			return nil, refuse(http.StatusBadRequest, invalidBody, err)
		}
		values[name] = append(values[name], value)
	}
	return values, nil
}

// escaped returns the form to split into pairs, and the decoder for the bytes of a
// name or a value after unescaping: nil for UTF-8. In all charsets but two, the
// bytes that separate pairs are not part of any other character.
func (b *Body) escaped() (string, *encoding.Decoder, error) {
	if b.charset == nil || isUTF16(b.charset) {
		return string(b.text), nil, nil // escapes in UTF-16 are UTF-8 (WHATWG URL, section 5.2)
	}
	if name, _ := htmlindex.Name(b.charset); name == "iso-2022-jp" && bytes.IndexByte(b.raw, 0x1b) >= 0 {
		return "", nil, errJIS
	}
	return string(b.raw), b.charset.NewDecoder(), nil
}

// unescape returns the text of a name or a value.
func unescape(s string, decode *encoding.Decoder) (string, error) {
	s, err := url.QueryUnescape(s)
	if err != nil || decode == nil {
		return s, err
	}
	return decode.String(s)
}

// looksLikeJSON reports whether a form begins and ends like JSON and unlike a form:
// everything that writes forms escapes brackets and quotes.
func looksLikeJSON(form []byte) bool {
	form = bytes.Trim(form, " \t\r\n")
	if len(form) < 2 {
		return false
	}
	first, last := form[0], form[len(form)-1]
	switch next := bytes.TrimLeft(form[1:], " \t\r\n")[0]; {
	case first == '{' && last == '}':
		return next == '"' || next == '}'
	case first == '[' && last == ']':
		return strings.IndexByte(`]"{[-0123456789tfn`, next) >= 0
	}
	return false
}

var (
	errPairs     = errors.New("more pairs than Config.MaxPairs allows")
	errSemicolon = errors.New("semicolon in a form, which some take for a separator")
	errLikeJSON  = errors.New("JSON under the Content-Type of a form")
	errJIS       = errors.New("a form in ISO-2022-JP whose bytes are not escaped")
)
