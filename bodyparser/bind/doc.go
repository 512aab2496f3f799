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
// # Where fields come from
//
// A tag names the place of a field that is not in the body:
//
//	type Update struct {
//		ID    uuid.UUID `path:"id"`
//		Draft bool      `query:"draft,default:true"`
//		Token string    `header:"X-Token"`
//		Theme *string   `cookie:"theme"`
//		Title string    `json:"title" validate:"required"`
//	}
//
// Everything else is from the body, or from the query under [QueryFunc]. No body
// sets a field that has a place, under whatever name. Such tags are for fields of
// the request itself and of structs that it embeds by value. A path has one text for a
// field, or for a list one for each segment of a catch-all; a header that is a
// list has its elements between commas; a cookie has one text. Errors tell the
// place: {"in":"query","path":"/draft", ...}. A route without the parameter is a
// fault of the service, 500, unless the field is a pointer or has a default.
//
// # The same data
//
// The same data mean the same in JSON, in both encodings of forms, and in a query.
// JSON is decoded by the rules of encoding/json, but for numbers in an any, which
// are json.Number and lose no digits. Forms are resolved against the type, and
// gorilla/schema makes a value of each text. The names are those of the schema
// tag, else of the json tag, else of the field, in any case of letters; nested
// fields are written a.b or a[b], the entries of maps too, lists a=1&a=2, a[]=1 or
// a[0]=1, numbers also a=1,2, and lists of structs items.0.sku or items[0][sku].
// The numbers of a list say the order, and gaps are closed; in an array they are
// the places. Config.Rows and Config.Elements are bounds. Of several values for a
// field that is no list the last counts. A field whose schema tag, or json tag if
// it has no other, is "-" cannot be set.
//
// Pages send every input. One that was left empty says nothing: a pointer is nil
// then, and a field has its default or is zero. So is a list that is one empty
// value. In a longer list an empty element keeps its place, as zero, as nil for a
// pointer, or as what a type with UnmarshalText makes of it, or 400 if that is
// nothing. An [Optional] is null.
//
// A default is the last option of the schema tag, or of a tag for a place:
// `schema:",default:new"`, with a bar between the elements of a list. Fields that
// were not given have it, in JSON too unless that hides them, and wherever the
// struct is. What was given, if only 0 or false, is never overridden; null was not
// given.
//
// Types with UnmarshalText are read from a text, those with UnmarshalJSON alone
// from a text in quotes or from JSON, bytes from base64. No key of a form reaches
// the parts of a type with such a method, and a request that has one takes no
// forms. A time is one of RFC 3339, or in a form
// what the inputs of a page send: date, datetime-local, month or time, in UTC; in
// a header also the date of HTTP. A duration is one of Go, such as 1h30m, or a
// number of nanoseconds. A checkbox sends "on". A tag asks for more, in forms and in JSON: `format:"unix"` for a time
// in seconds since 1970, `format:"date"` for a time without its hours,
// `format:"duration"` for a duration as text. A struct, a map or a list of those
// may also be one JSON text in a field of a form, as some webhooks send it, which
// is read by Config.Parser as a body is.
//
// Text that is not UTF-8 is 400. A form for a type with a field that no form can
// carry, such as an any, is 415, and a query for it 500: a field that belongs to
// JSON alone says so by schema:"-". [New] refuses fields that no JSON is decoded
// into, such as a channel or an io.Reader, unless json:"-" hides them, and a struct
// that reads JSON or text only by the method of what it embeds, beside which its
// other fields would never be set.
//
// # Rules
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
// the bounds of Config.Upload. The part has the name of the field in the same
// letters, or for a list also with empty brackets: pics or pics[]. [Handler] and
// [Func] remove the files after the handler.
//
// # Differences from Next.js
//
// Next.js types req.body as any and leaves it to the handler to look at what
// came. Nothing here reaches a handler that does not have its type.
package bind
