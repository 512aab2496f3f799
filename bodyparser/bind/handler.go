package bind

import (
	"net/http"
	"reflect"
)

// A typedHandler is a handler that reports its types, for generators such as package
// typescript.
type typedHandler struct {
	http.HandlerFunc
	in, out reflect.Type
	query   bool
}

// Types returns the types of the request and of the response, nil if unknown.
// query reports that fields without a place are in the query, not in the body.
func (t *typedHandler) Types() (in, out reflect.Type, query bool) { return t.in, t.out, t.query }
