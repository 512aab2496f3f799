// Package bind decodes requests into typed values: JSON, forms and queries into
// structs, whose tags have validation rules.
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
// A value of the wrong type gets 400, one that breaks a rule 422, as problem
// details that point to each field by the name the client uses:
//
//	{"title":"Unprocessable Entity","status":422,"detail":"title is required",
//	 "errors":[{"path":"/title","rule":"required","message":"is required"}]}
//
// Within a handler, [Body] and [Query] return the value and the error. A
// bodyparser.New outside configures how the body is read; without one the
// defaults of that package apply.
//
// # Where fields come from
//
// A tag names the place of a field outside the body:
//
//	type Update struct {
//		ID    uuid.UUID `path:"id"`
//		Draft bool      `query:"draft,default:true"`
//		Token string    `header:"X-Token"`
//		Theme *string   `cookie:"theme"`
//		Title string    `json:"title" validate:"required"`
//	}
//
// All other fields are from the body, or from the query under [QueryFunc]. A body
// cannot set a field with a place, under any name. Such tags are for fields of the
// request itself and of structs that it embeds by value. A path has one text for a
// field, or for a list one for each segment of a catch-all; a header field that is a
// list has its elements separated by commas; a cookie has one text. Errors name the
// place: {"in":"query","path":"/draft", ...}. A route without the parameter is a fault
// of the service, 500, unless the field is a pointer or has a default.
//
// # The same data
//
// The same data have the same meaning in JSON, in both encodings of forms, and in
// a query. JSON is decoded by the rules of encoding/json, except that numbers in
// an any are json.Number and lose no digits. Forms are resolved against the type,
// and gorilla/schema converts each text. The names are those of the schema tag,
// else of the json tag, else of the field, in any letter case; nested fields are
// written a.b or a[b], as are the entries of maps, lists a=1&a=2, a[]=1 or a[0]=1,
// numbers also a=1,2, and lists of structs items.0.sku or items[0][sku]. The
// numbers of a list give the order, and gaps are closed; in an array they are
// indexes. Config.MaxRows and Config.MaxElements limit them. Of several values for a
// field that is not a list the last counts. A field whose schema tag, or json tag
// if it has no other, is "-" cannot be set.
//
// Pages send every input. An empty one counts as absent: a pointer is nil, and a
// field has its default or is zero. So does a list with one empty value. In a
// longer list an empty element keeps its place, as zero, as nil for a pointer, or
// as what a type with UnmarshalText makes of it, or 400 if that fails. An
// [Optional] is null.
//
// A default is the last option of the schema tag, or of a tag for a place:
// `schema:",default:new"`, with a bar between the elements of a list. It applies
// to absent fields, in JSON too unless that hides them, and in structs at any
// depth. It never overrides a given value, such as 0 or false; null counts as
// absent.
//
// Types with UnmarshalText are read from a text, those with only UnmarshalJSON from a text in
// quotes or from JSON, bytes from base64. No key of a form reaches the parts of a type with such a
// method, and a request type that has one takes no forms. A time is in RFC 3339, or in a form in
// the format of an HTML input: date, datetime-local, month or time, in UTC; in a header also an
// HTTP date. A duration is in Go's format, such as 1h30m, or a number of nanoseconds. A checkbox
// sends "on". A tag sets another format, in forms and in JSON: `format:"unix"` for a time in
// seconds since 1970, `format:"date"` for a time without its hours, `format:"duration"` for a
// duration as text. A struct, a map or a list of those may also be one JSON text in a field of a
// form, as some webhooks send it, which is read by Config.Parser like a body.
//
// Text that is not UTF-8 is 400. A form for a type with a field that no form can
// carry, such as an any, is 415, and a query for it 500; schema:"-" excludes such a
// field from forms. [New] refuses fields that JSON cannot be decoded into, such as
// a channel or an io.Reader, unless json:"-" hides them, and a struct that reads
// JSON or text only by the method of an embedded type, since its other fields would
// never be set.
//
// # Rules
//
// Rules are those of go-playground/validator. Put a limit before rules for the
// elements of a list, as in "max=100,dive": the validator records every element
// that fails. The rule required refuses the zero value, including 0, false and
// "": if these are valid, make the field a pointer or an [Optional], for which
// required only means that it was sent. Each rule has a message in English;
// Config.Message replaces messages by rule, field and the client's language.
//
// [New] panics on a rule that cannot be parsed, does not fit the type of its
// field, names a field that does not exist, or can never be satisfied. It tries
// each of the validator's rules, including those in aliases, dives and
// alternatives, on values that the type makes of texts such as numbers, dates
// and addresses. It does not find: custom rules, rules of fields that are an
// any, a rule for text on a type that has no text form but a String method, a
// comparison with a number that no value reaches, and in fields that are structs
// the values of other fields. A rule that panics while a request is served is
// answered with 500, and the field is logged.
//
// # Changes and files
//
// A PATCH request is merged into a record by [Merge], or is a struct of [Optional]
// fields, which distinguish null from a field that was left out.
//
// A struct with fields of type upload.File is a multipart form with files, within
// the limits of Config.Upload. The part has the name of the field in the same
// case, or for a list also with empty brackets: pics or pics[]. [Handler] and
// [Func] remove the files after the handler returns.
//
// # Differences from Next.js
//
// Next.js types req.body as any, so the handler has to check it. Here a handler
// gets only values of its type.
package bind
