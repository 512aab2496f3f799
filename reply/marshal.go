package reply

import (
	"fmt"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/layer"
)

// Marshal returns middleware by which the JSON of all answers inside is made by
// marshal, in place of encoding/json: what [JSON] and [Send] are given, and what the
// functions of bind.Func return. It is the counterpart of bodyparser.Config.Unmarshal.
//
//	chain := middleware.Chain(cfg).Append(reply.Marshal(sonic.Marshal))
//
// The bytes are sent as they are, and may be used until the handler returns. An error
// or a panic of marshal is answered with 500, as a value is that encoding/json cannot
// encode. Problem documents, events, and lines of NDJSON stay with encoding/json. The
// innermost Marshal holds; a nil marshal is encoding/json.
//
// encoding/json/v2, where a service is built with it, is one of those that fit:
//
//	reply.Marshal(func(v any) ([]byte, error) { return jsonv2.Marshal(v) })
func Marshal(marshal func(v any) ([]byte, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			node := exchange.Find(r.Context())
			if node == nil || !node.About(r) {
				own, inside := exchange.Copy(r, node)
				own.Said.Marshal = marshal
				defer exchange.HandBack(r, inside)
				next.ServeHTTP(w, inside)
				return
			}
			defer exchange.RemoveFiles(r, r.MultipartForm)
			defer func(outer func(any) ([]byte, error)) { node.Said.Marshal = outer }(node.Said.Marshal)
			node.Said.Marshal = marshal
			next.ServeHTTP(w, r)
		})
	}
}

// marshaled is JSON with an encoder of others.
func marshaled(w http.ResponseWriter, r *http.Request, status int, v any, marshal func(any) ([]byte, error)) error {
	text, err := safely(marshal, v)
	if err != nil {
		return httperr.Fail(w, r, fmt.Errorf("reply: %w", err))
	}
	return respond(w, r, answer{status: status, contentType: jsonType, force: true, body: text, tagged: true})
}

// safely makes an error of a panic.
func safely(marshal func(any) ([]byte, error), v any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encoding %T: panic: %v", v, p)
		}
	}()
	return marshal(v)
}
