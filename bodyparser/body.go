package bodyparser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Body is the body of one request, read to its end. Its methods are for the
// goroutine that serves the request.
type Body struct {
	settings *settings
	raw      []byte
	text     []byte // raw as UTF-8, without a byte order mark
	values   url.Values
	media    mediaType
	kind     kind
	checked  bool // text has passed checkJSON
	replay   replay
}

// Present reports whether there was a body of at least one byte, which tells
// an empty JSON body from {}. It is false for a body that was left unread.
func (b *Body) Present() bool { return len(b.raw) > 0 }

// Bytes returns the body as it was received, inflated if it was compressed.
// Treat it as read-only: what replays from r.Body are the same bytes.
func (b *Body) Bytes() []byte { return b.raw }

// MediaType returns the type of the body in lower case and without parameters,
// such as "application/json", or "" if the request did not say.
func (b *Body) MediaType() string { return b.media.name }

// Text returns the body as a string in UTF-8, from whatever charset it was
// sent in. A byte order mark is dropped, and bytes that are not valid become
// U+FFFD, each of them.
func (b *Body) Text() string { return toValid(b.text) }

// Form returns the fields of an urlencoded body: those alone, never the
// parameters of the query. It is empty but not nil for an empty body. For
// other types it returns an [*Error] with status 415.
//
// Percent escapes are bytes. Those that are not UTF-8 stay as they are.
func (b *Body) Form() (url.Values, error) {
	if b.kind != form {
		return nil, b.wrongType()
	}
	if b.values == nil {
		values, err := b.settings.parseForm(b.text)
		if err != nil {
			return nil, err
		}
		b.values = values
	}
	return b.values, nil
}

// Value returns the body as Next.js has it in req.body, in the types that
// encoding/json decodes into an any:
//
//	JSON            any value; numbers are json.Number, and lose no digits
//	urlencoded      map[string]any of string and []string
//	everything else string
//
// An empty body is an empty map for JSON and forms, else an empty string; one
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
	case untouched:
		return nil, nil
	}
	return b.Text(), nil
}

// Decode decodes a JSON body into dst as encoding/json does, or as
// Config.Unmarshal does. An empty body is an empty object. Numbers that end up
// in an any, a []any or a map[string]any are json.Number. For other types than
// JSON it returns an [*Error] with status 415; a value that does not fit dst
// is 400.
func (b *Body) Decode(dst any) error {
	if b.kind != jsonValue {
		return b.wrongType()
	}
	if !b.Present() {
		return b.misfit(b.settings.decode([]byte("{}"), dst))
	}
	if !b.checked {
		check := b.settings.checkBounds
		if b.settings.Unmarshal != nil {
			// A decoder of somebody else's making may stop behind the first value.
			check = b.settings.checkJSON
			b.checked = true
		}
		if err := check(b.text); err != nil {
			return err
		}
	}
	err := b.settings.decode(b.text, dst)
	if err != nil && !b.checked {
		if syntax := b.settings.checkJSON(b.text); syntax != nil {
			return syntax
		}
		b.checked = true
	}
	return b.misfit(err)
}

func (b *Body) misfit(err error) error {
	if err == nil {
		return nil
	}
	return refuse(http.StatusBadRequest, invalidBody, err)
}

// wrongType says that the body is of a type that the caller has no use for.
func (b *Body) wrongType() error {
	name := b.media.name
	if name == "" {
		name = "none"
	}
	return refuse(http.StatusUnsupportedMediaType, "Unsupported media type", fmt.Errorf("Content-Type %.80q", name))
}

// decode decodes one JSON value.
func (s *settings) decode(text []byte, dst any) error {
	if s.Unmarshal != nil {
		return s.Unmarshal(text, dst)
	}
	switch dst.(type) {
	case *any, *map[string]any, *[]any:
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(dst); err != nil {
			return err
		}
		if _, err := d.Token(); err != io.EOF {
			return errSyntax
		}
		return checkNumbers(dst)
	}
	return unmarshal(text, dst)
}

// checkNumbers refuses numbers that no float64 can hold, which would surprise
// whoever converts them later. encoding/json refuses them too.
func checkNumbers(v any) error {
	switch v := v.(type) {
	case *any:
		return checkNumbers(*v)
	case *[]any:
		return checkNumbers(*v)
	case *map[string]any:
		return checkNumbers(*v)
	case []any:
		for _, e := range v {
			if err := checkNumbers(e); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, e := range v {
			if err := checkNumbers(e); err != nil {
				return err
			}
		}
	case json.Number:
		// Only an exponent makes a number of fewer digits too large.
		if len(v) > 300 || strings.ContainsAny(string(v), "eE") {
			_, err := strconv.ParseFloat(string(v), 64)
			return err
		}
	}
	return nil
}

// toValid returns text with each byte that is not UTF-8 replaced.
func toValid(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	return string([]rune(string(text)))
}

// replay is the r.Body of a request that was parsed. It yields the bytes once
// more, for handlers that read the body themselves.
type replay struct {
	body *Body // nil once it was lent and is given back
	pos  int
}

// left returns what is still to be read.
func (p *replay) left() []byte {
	if p.body == nil {
		return nil
	}
	return p.body.raw[p.pos:]
}

func (p *replay) Read(dst []byte) (int, error) {
	left := p.left()
	if len(left) == 0 {
		return 0, io.EOF
	}
	n := copy(dst, left)
	p.pos += n
	return n, nil
}

// WriteTo saves io.Copy its buffer.
func (p *replay) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(p.left())
	p.pos += n
	return int64(n), err
}

// Close does nothing: the bytes stay for the accessors.
func (p *replay) Close() error { return nil }

// InMemory says that there is no client to wait for.
func (p *replay) InMemory() {}

// refused is the r.Body of a request whose body was refused. Where reading
// stopped is up to the client, and what comes behind may look like a body: it
// is the error that is read from then on, as from an http.MaxBytesReader.
type refused struct{ err error }

func (p *refused) Read([]byte) (int, error) { return 0, p.err }
func (p *refused) Close() error             { return nil }
func (p *refused) InMemory()                {}

// readable returns the error of a request whose body is known to be gone.
func readable(r *http.Request) error {
	switch p := r.Body.(type) {
	case *refused:
		return p.err
	case *replay:
		if p.body == nil {
			return spent()
		}
	}
	return nil
}

// spent refuses a body that somebody has read already. Taken for an empty one,
// it would be a value that the client has not sent.
func spent() *Error {
	return refuse(http.StatusBadRequest, "The body has been read already", errSpent)
}

var errSpent = errors.New("nothing is left of a body that was sent: parse it before anything else reads it")
