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
//	{"title":"Unprocessable Entity","status":422,"detail":"title is required",
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
// note of every element that fails. The rule required refuses the zero value, so
// 0, false and "" too: where these are good answers, make the field a pointer or
// an [Optional], of which required asks only that it was sent. Each rule has a
// message in English; Config.Message puts others in their place, by rule, field
// and the language of the client.
//
// A rule that cannot be read, does not fit the type of its field, names a field
// that is not there, or can never be satisfied is found by [New], which panics.
// It tries each of the validator's rules, behind aliases, dives and alternatives
// too, on values that the type makes of texts such as numbers, dates and
// addresses. Not found are: rules of the service's own, rules of fields that are
// an any, a rule for text on a type that has no text form but a String method, a
// comparison with a number that no value reaches, and in fields that are structs
// the values of other fields. A rule that panics while a request is served is
// answered with 500, and its field is in the log.
//
// # Changes and files
//
// A PATCH request is merged into a record by [Merge], or is a struct of [Optional]
// fields, which tell null from a field that was left out.
//
// A struct with fields of type upload.File is a multipart form with files, within
// the bounds of Config.Upload. [Handler] and [Func] remove them after the handler.
//
// # Differences from Next.js
//
// Next.js types req.body as any and leaves it to the handler to look at what
// came. Nothing here reaches a handler that does not have its type.
package bind
