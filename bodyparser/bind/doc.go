// Package bind makes typed values from requests: it decodes JSON, forms and
// queries into structs, and checks the rules in their tags.
//
//	type Post struct {
//		Title string   `json:"title" validate:"required,max=200"`
//		Tags  []string `json:"tags" validate:"max=10,dive,required"`
//	}
//
//	mux.Handle("POST /api/posts", bind.Func(func(r *http.Request, p Post) (Created, error) {
//		return store.Add(r.Context(), p)
//	}))
//
// A value of the wrong type is answered with 400, one that breaks a rule with
// 422, in a problem document that points to each field by the name the client
// uses:
//
//	{"title":"Unprocessable Entity","status":422,"detail":"/title is required",
//	 "errors":[{"path":"/title","rule":"required","message":"is required"}]}
//
// Within a handler, [Body] and [Query] return the value and the error. A
// bodyparser.New in front decides how the body is read; without one it is read
// by the defaults of that package.
//
// JSON is decoded by the rules of encoding/json. Forms are decoded by
// gorilla/schema, which never sees a client's key: keys are resolved against
// the type. An index is less than 100, and indexes and commas make no more than
// 1000 elements in all lists together; what bounds a list that repeats its name
// is the number of pairs. Of several values for a field that is no list the last
// counts. The names are those of the schema tag, else of the json tag, else of
// the field; nested fields are written a.b or a[b], lists a=1&a=2, a[]=1 or
// a[0]=1, and lists of structs items.0.sku or items[0][sku]. A field whose schema
// tag, or json tag if it has no other, is "-" cannot be set. Empty values of
// other fields than strings are ignored, since pages send every input.
//
// Rules are those of go-playground/validator. A list whose elements have rules
// deserves a bound in front of them, as in "max=100,dive": the validator takes
// note of every element that fails. A value that its rule was not made for,
// which a client may put into an any, is of the wrong type.
//
// # Differences from Next.js
//
// Next.js types req.body as any and leaves it to the handler to look at what
// came. Nothing here reaches a handler that does not have its type.
package bind
