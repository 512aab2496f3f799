package bodyparser

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/mediatype"
)

// negotiate finds out from the header what the body is. The order is fixed, and
// the length is checked last: a body refused for its type is not refused for
// its size.
func (b *Body) negotiate(h http.Header) (decode decoder, err error) {
	p := b.parser
	var valid bool
	b.media, valid = mediatype.Of(h)
	if p.Raw {
		b.kind = unread
		return nil, nil
	}
	if !valid {
		return nil, refuse(http.StatusUnsupportedMediaType, "Unsupported media type", errMediaType)
	}
	if b.kind = p.kindOf(b.media.Name); b.kind == unread {
		if p.Verify == nil {
			return nil, nil
		}
		b.kind = text // Verify sees every body
	}
	if b.charset, err = lookupCharset(b.media.Param("charset")); err != nil {
		return nil, err
	}
	return p.decoder(h)
}

// kind is how a body is read.
type kind int

const (
	text kind = iota
	jsonValue
	form
	unread
)

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// kindOf returns how a body of the type is read.
func (p *parser) kindOf(name string) kind {
	switch {
	case name == jsonType, name == "application/ld+json", strings.HasSuffix(name, "+json"), slices.Contains(p.JSONTypes, name):
		return jsonValue
	case name == formType:
		return form
	case strings.HasPrefix(name, "multipart/"):
		return unread
	}
	return text
}

// wrongType refuses a body for a caller that needs another kind.
func (b *Body) wrongType(want kind) error {
	accepted := []string{formType}
	if want == jsonValue {
		accepted = append([]string{jsonType}, b.parser.JSONTypes...)
	}
	list := strings.Join(slices.DeleteFunc(accepted, func(name string) bool { return name == "" }), ", ")
	err := refuse(http.StatusUnsupportedMediaType, "Unsupported media type, want "+list, fmt.Errorf("Content-Type %.80q", cmp.Or(b.media.Name, "none")))
	err.field, err.accepted = "Accept", list
	return err
}

type decoder = func(io.Reader) (io.ReadCloser, error)

// decoder returns the decompressor of the body, nil if it is not compressed.
// One coding is enough for any client; a list of them allows a zip bomb in a
// zip bomb.
func (p *parser) decoder(h http.Header) (decoder, error) {
	fields := h["Content-Encoding"]
	if len(fields) == 0 {
		return nil, nil
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(fields, ",")))
	if coding == "" || coding == "identity" {
		return nil, nil
	}
	if d, ok := p.Decoders[coding]; ok {
		return d, nil
	}
	codings := slices.Collect(maps.Keys(p.Decoders))
	if p.Inflate {
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
