// Package bodyparser reads request bodies: within bounds, once, and by their
// content type, as the body parser of Next.js API Routes does.
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
// Handlers that read r.Body themselves keep working behind it. A handler
// without the middleware calls [Parse]. Package bodyparser/bind decodes into
// validated structs, and package bodyparser/upload streams multipart forms.
//
// # What becomes of a body
//
//	application/json, ld+json, any +json     one JSON value: Decode, Value
//	application/x-www-form-urlencoded        Form, Value
//	multipart/*                              left unread, for bodyparser/upload
//	any other type, or none                  Text, Bytes
//
// [Config].JSONTypes makes JSON of further types, and JSON, the method, of any.
//
// # Differences from Next.js
//
//   - A declared length over the limit is refused before anything is read, and
//     before the client is told to continue.
//   - A client that is too slow is answered with 408.
//   - Every type that ends in +json is JSON. JSON must be valid UTF-8 once its
//     charset is decoded, and must not nest deeper than 512 levels. Numbers
//     keep their digits, and one that no float64 can hold is an error. A text
//     of more values than [Config].Values is answered with 413.
//   - A Content-Type that does not parse is answered with 415. Next.js takes it
//     for text/plain, which turns a typing error into a string where an object
//     is expected. A trailing semicolon is no error.
//   - A charset or a content coding that is not known is answered with 415.
//     Next.js answers 400 to the first and ignores the second.
//   - Forms with a malformed percent escape or a semicolon are answered with
//     400 instead of being taken literally, and forms of more than 1000 pairs
//     with 413 instead of being cut off. Percent escapes are in the charset of
//     the form. JSON that says it is a form, as curl -d does, is 415 for a handler
//     that asks for a form, with the Content-Type to set.
//   - Multipart bodies stay in the stream instead of becoming a string. Binary
//     bodies are in Bytes without loss, besides the string that Text makes of
//     them.
//   - The stream is not used up by parsing: r.Body yields the bytes again.
package bodyparser
