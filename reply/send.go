package reply

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/jsontext"
	"github.com/apiece/apiece/internal/problem"
)

// JSON responds with v as JSON: res.status(status).json(v) in Next.js.
//
// The Content-Type is always application/json; charset=utf-8. The characters <, > and &
// are not escaped; the text is JSON, not HTML, and nosniff keeps browsers from reading it
// as HTML. The error is nil if the whole response was handed to w. If v cannot be encoded,
// or its encoder panics, or the status is not from 200 to 999, the client gets a complete
// 500, which is logged once even if the caller ignores the error. A status of 204, 205 or
// 304 sends no body. [Marshal] replaces encoding/json.
func JSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	if marshal := exchange.DefaultsFor(r).Marshal; marshal != nil {
		return marshaled(w, r, status, v, marshal)
	}
	text, err := jsontext.Encode(v)
	if err != nil {
		return problem.Fail(w, r, fmt.Errorf("reply: %w", err))
	}
	err = respond(w, r, reply{status: status, contentType: jsonType, replacesType: true, body: text.Bytes(), withETag: true})
	text.Release()
	return err
}

const (
	jsonType  = "application/json; charset=utf-8"
	textType  = "text/plain; charset=utf-8"
	bytesType = "application/octet-stream"
)

// Typed is a text with its media type, as a body for [Send]: an HTML page, or CSV.
//
//	reply.Send(w, r, 200, reply.Typed{Type: "text/html; charset=utf-8", Text: page})
//
// It is short for w.Header().Set("Content-Type", ...) and a Send of the text, and faster
// within a middleware.Timeout, where a handler that asks for the header gets a copy.
// Next.js: res.setHeader("Content-Type", type) before res.send.
type Typed struct {
	// Type is the Content-Type. It replaces one that is already set. If it is empty,
	// Send treats Text as a string.
	Type string
	// Text is the body.
	Text string
}

// Send responds with body by its type: res.status(status).send(body) in Next.js.
//
//	body              Content-Type                      ETag
//	nil               none, Content-Length: 0           none
//	string            text/plain; charset=utf-8 *       of the text
//	Typed             its Type                          of the text
//	[]byte            application/octet-stream *        of the bytes
//	json.RawMessage   application/json; charset=utf-8   of the text
//	io.Reader         application/octet-stream *        none
//	anything else     as JSON                           of the text
//
// A type marked * is not used if a Content-Type is already set. A reader is
// streamed to its end, and closed if it is an io.Closer, even if none of it was
// sent; its error is returned, and a [HandlerFunc] then aborts the connection.
// Raw JSON must be valid. An error value is refused with a 500, because its
// JSON form is usually {}: return it, or call [Problem]. Errors and statuses
// are otherwise as in JSON.
func Send(w http.ResponseWriter, r *http.Request, status int, body any) error {
	switch body := body.(type) {
	case nil:
		return respond(w, r, reply{status: status})
	case string:
		return respond(w, r, reply{status: status, contentType: textType, text: body, isText: true, withETag: true})
	case Typed:
		return respond(w, r, reply{status: status, contentType: cmp.Or(body.Type, textType), replacesType: body.Type != "", text: body.Text, isText: true, withETag: true})
	case json.RawMessage:
		if !json.Valid(body) {
			return problem.Fail(w, r, fmt.Errorf("reply: the raw message is not valid JSON"))
		}
		return respond(w, r, reply{status: status, contentType: jsonType, replacesType: true, body: body, withETag: true})
	case []byte:
		return respond(w, r, reply{status: status, contentType: bytesType, body: body, withETag: true})
	case io.Reader:
		return stream(w, r, status, body)
	case error:
		return problem.Fail(w, r, fmt.Errorf("reply: an error is no body, return it or call Problem: %w", body))
	}
	return JSON(w, r, status, body)
}
