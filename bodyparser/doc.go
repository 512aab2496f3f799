// Package bodyparser reads request bodies: bounded, once, and by their
// Content-Type, as the body parser of Next.js API Routes does.
//
//	chain := alice.New(bodyparser.New(bodyparser.Config{Limit: 64 * bytesize.KB}))
//	mux.Handle("POST /api/notes", chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
//		body, _ := bodyparser.From(r)
//		var note Note
//		if err := body.Decode(&note); err != nil {
//			reply.Problem(w, r, err)
//			return
//		}
//		...
//	}))
//
// Handlers inside that read r.Body themselves keep working. A handler without
// the middleware calls [Parse]. Package bodyparser/bind decodes into validated
// structs, and package bodyparser/upload streams multipart forms.
//
// # What happens to a body
//
//	application/json, ld+json, any +json     one JSON value: Decode, Value
//	application/x-www-form-urlencoded        Form, Value
//	multipart/*                              left unread, for bodyparser/upload
//	any other type, or none                  Text, Bytes
//
// [Config].JSONTypes adds JSON types; [Body.JSON] reads any type as JSON.
//
// # Differences from Next.js
//
//   - A declared length over the limit is refused before anything is read, and
//     before 100 Continue is sent.
//   - A client that is too slow gets 408.
//   - Every type that ends in +json is JSON. JSON must be valid UTF-8 after its
//     charset is decoded, and must not nest deeper than 512 levels. Numbers keep
//     their digits, and one that does not fit in a float64 is an error. A text
//     with more values than [Config].MaxValues gets 413.
//   - An invalid Content-Type gets 415. Next.js takes it for text/plain, which
//     turns a typo into a string where an object is expected. A trailing semicolon
//     is no error.
//   - An unknown charset or content coding gets 415. Next.js responds with 400 to
//     the first and ignores the second.
//   - Forms with a malformed percent escape or a semicolon get 400 instead of
//     being taken literally, and forms of more than 1000 pairs get 413 instead of
//     being truncated. Percent escapes are in the charset of the form. JSON with
//     the Content-Type of a form, as curl -d sends it, is 415 for a handler that
//     asks for a form, with the Content-Type to set.
//   - Multipart bodies stay in the stream instead of becoming a string. Binary
//     bodies are lossless in Bytes, in addition to the string of Text.
//   - Parsing does not use up the stream: r.Body yields the bytes again.
package bodyparser
