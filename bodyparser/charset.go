package bodyparser

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
)

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

var bom = []byte("\uFEFF")

// toUTF8 returns the text of a body without a byte order mark. UTF-8 is
// returned without a copy.
func toUTF8(raw []byte, enc encoding.Encoding) ([]byte, error) {
	if enc == nil {
		return bytes.TrimPrefix(raw, bom), nil
	}
	// If the two disagree, the byte order mark is more reliable.
	if isUTF16(enc) {
		switch {
		case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
			enc = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
		case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
			enc = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
		}
		raw = raw[:len(raw)&^1] // drops half a character at the end, as Next.js does
	}
	text, err := enc.NewDecoder().Bytes(raw)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, invalidBody, err)
	}
	return bytes.TrimPrefix(text, bom), nil
}

func isUTF16(enc encoding.Encoding) bool {
	name, _ := htmlindex.Name(enc)
	return strings.HasPrefix(name, "utf-16")
}
