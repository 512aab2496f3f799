package bind

import (
	"net/http"
	"reflect"
)

// typed is a handler that tells its types, to generators such as package
// typescript.
type typed struct {
	http.HandlerFunc
	in, out reflect.Type
	query   bool
}

// Types returns the type of the request and that of the response, nil if it is
// not known. query says that fields which name no place are in the query, and
// not in the body.
func (t *typed) Types() (in, out reflect.Type, query bool) { return t.in, t.out, t.query }
