package reply

import (
	"fmt"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
)

// Marshal returns middleware that encodes the JSON of all responses inside with
// marshal, in place of encoding/json: the values passed to [JSON] and [Send], and
// those returned to bind.Func. It is the counterpart of bodyparser.Config.Unmarshal.
//
//	chain := middleware.Chain(cfg).Append(reply.Marshal(sonic.Marshal))
//
// The bytes are sent unchanged, and must stay valid until the handler returns. If
// marshal fails or panics the response is 500, as for a value that encoding/json
// cannot encode. Problem details, events, and NDJSON lines are still encoded by
// encoding/json. The innermost Marshal applies; a nil marshal is encoding/json.
//
// encoding/json/v2 fits too, if the service is built with it:
//
//	reply.Marshal(func(v any) ([]byte, error) { return jsonv2.Marshal(v) })
func Marshal(marshal func(v any) ([]byte, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			node := exchange.Find(r.Context())
			if node == nil || !node.About(r) {
				own, inside := exchange.Copy(r, node)
				own.Defaults.Marshal = marshal
				defer exchange.HandBack(r, inside)
				next.ServeHTTP(w, inside)
				return
			}
			defer exchange.RemoveFiles(r, r.MultipartForm)
			defer func(outer func(any) ([]byte, error)) { node.Defaults.Marshal = outer }(node.Defaults.Marshal)
			node.Defaults.Marshal = marshal
			next.ServeHTTP(w, r)
		})
	}
}

// marshaled is JSON with a custom encoder.
func marshaled(w http.ResponseWriter, r *http.Request, status int, v any, marshal func(any) ([]byte, error)) error {
	text, err := encodeSafely(marshal, v)
	if err != nil {
		return problem.Fail(w, r, fmt.Errorf("reply: %w", err))
	}
	return respond(w, r, reply{status: status, contentType: jsonType, replacesType: true, body: text, withETag: true})
}

// encodeSafely turns a panic into an error.
func encodeSafely(marshal func(any) ([]byte, error), v any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encoding %T: panic: %v", v, p)
		}
	}()
	return marshal(v)
}
