package bodyparser

import (
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"golang.org/x/text/encoding"

	"github.com/apiece/apiece/internal/mediatype"
)

// A Body is the body of one request, read to its end. Only the goroutine that
// serves the request may call its methods.
type Body struct {
	parser  *parser
	raw     []byte
	text    []byte // raw as UTF-8, without a byte order mark
	values  url.Values
	media   mediatype.Type
	charset encoding.Encoding // nil for UTF-8
	kind    kind
	checked bool // text has passed checkJSON
	replay  replay
}

// Present reports whether the body has at least one byte, which distinguishes
// an empty JSON body from {}. It is false for a body that was left unread.
func (b *Body) Present() bool { return len(b.raw) > 0 }

// Bytes returns the body as received, decompressed if it was compressed. Do not
// modify it: r.Body yields the same bytes.
func (b *Body) Bytes() []byte { return b.raw }

// MediaType returns the type of the body in lower case and without parameters,
// such as "application/json", or "" if the request has none.
func (b *Body) MediaType() string { return b.media.Name }

// Text returns the body as a UTF-8 string, decoded from its charset. A byte
// order mark is dropped, and each invalid byte becomes U+FFFD.
func (b *Body) Text() string { return toValid(b.text) }

// Form returns the fields of an urlencoded body, without the parameters of the
// query. It is empty but not nil for an empty body. For other types it returns
// an [*Error] with status 415, as it does for JSON sent with the Content-Type
// of a form.
//
// Percent escapes are bytes in the charset of the Content-Type. Without one
// they are UTF-8, and invalid bytes stay as they are. Use Bytes for a sender,
// such as some payment services, that uses another charset without declaring
// it.
func (b *Body) Form() (url.Values, error) {
	if b.kind != form {
		return nil, b.wrongType(form)
	}
	if b.values == nil {
		values, err := b.parseForm()
		if err != nil {
			return nil, err
		}
		b.values = values
	}
	return b.values, nil
}

// Value returns the body as Next.js has it in req.body, in the types that
// encoding/json uses for an any:
//
//	JSON            any value; numbers are json.Number, and lose no digits
//	urlencoded      map[string]any of string and []string
//	everything else string
//
// An empty body is an empty map for JSON and forms, else an empty string; a body
// that was left unread is nil. A number too large for a float64 is an error with
// status 400.
func (b *Body) Value() (any, error) {
	switch b.kind {
	case jsonValue:
		var v any
		if err := b.Decode(&v); err != nil {
			return nil, err
		}
		return v, nil
	case form:
		values, err := b.Form()
		if err != nil {
			return nil, err
		}
		fields := make(map[string]any, len(values))
		for name, v := range values {
			if len(v) == 1 {
				fields[name] = v[0]
			} else {
				fields[name] = v
			}
		}
		return fields, nil
	case unread:
		return nil, nil
	}
	return b.Text(), nil
}

// Decode decodes a JSON body into dst like encoding/json, or with
// Config.Unmarshal. An empty body is an empty object. Numbers decoded into an
// any, anywhere in dst, are json.Number and lose no digits; one too large for a
// float64 is refused. For types other than JSON, see Config.JSONTypes, Decode
// returns an [*Error] with status 415; for a value that does not fit dst the
// status is 400.
func (b *Body) Decode(dst any) error {
	if b.kind != jsonValue {
		return b.wrongType(jsonValue)
	}
	if !b.Present() {
		return b.decode([]byte("{}"), dst)
	}
	return b.decode(b.text, dst)
}

// JSON is Decode for any Content-Type: for an endpoint whose clients send JSON
// as text/plain, as a form, or without a type. Bytes that are not JSON are 400,
// and so is an empty body. A body that was left unread returns an [*Error] with
// status 415.
//
// Next.js: await request.json() of the App Router.
func (b *Body) JSON(dst any) error {
	if b.kind == unread {
		return b.wrongType(jsonValue)
	}
	return b.decode(b.text, dst)
}

// toValid returns text with each invalid UTF-8 byte replaced.
func toValid(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return string([]rune(string(text)))
}

// replay is the r.Body of a parsed request. It yields the bytes again, for
// handlers that read the body themselves.
type replay struct {
	body *Body // nil after the memory of a pooled body is released
	pos  int
}

func (p *replay) Read(dst []byte) (int, error) {
	if p.body == nil {
		return 0, alreadyRead()
	}
	n := copy(dst, p.body.raw[p.pos:])
	if p.pos += n; n == 0 && p.pos == len(p.body.raw) {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo saves io.Copy its buffer.
func (p *replay) WriteTo(w io.Writer) (int64, error) {
	if p.body == nil {
		return 0, alreadyRead()
	}
	n, err := w.Write(p.body.raw[p.pos:])
	p.pos += n
	return int64(n), err
}

// Close does nothing: the accessors still need the bytes.
func (p *replay) Close() error { return nil }

// InMemory reports that reading never waits for the client.
func (p *replay) InMemory() {}

// refused is the r.Body of a request whose body was refused. Every read returns
// the error, as from an http.MaxBytesReader: the client decides where reading
// stopped, and the bytes that follow may look like a body.
type refused struct{ err error }

func (p *refused) Read([]byte) (int, error) { return 0, p.err }
func (p *refused) Close() error             { return nil }
func (p *refused) InMemory()                {}

// readable returns the error of a request whose body was refused or is lost.
func readable(r *http.Request) error {
	switch p := r.Body.(type) {
	case *refused:
		return p.err
	case *replay:
		if p.body == nil {
			return alreadyRead()
		}
	}
	return nil
}
