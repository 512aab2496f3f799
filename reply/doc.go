// Package reply writes whole answers: a status, a JSON value, a text, bytes, or
// an error.
//
//	func getPost(w http.ResponseWriter, r *http.Request) error {
//		post, err := find(r.PathValue("pid"))
//		if err != nil {
//			return reply.NewError(404, "No such post").WithCause(err)
//		}
//		return reply.JSON(w, r, 200, post)
//	}
//
//	mux.Handle("GET /api/post/{pid}", reply.HandlerFunc(getPost))
//
// [JSON] and [Send] encode first and commit second. A value that cannot be
// encoded becomes a complete 500, never an empty 200, and the error that they
// return has its record in the log: it can be dropped, and a [HandlerFunc] that
// returns it neither logs nor answers again. Both declare the length, send a
// strong ETag, answer 304 where the client has the representation already, and
// send no body where HTTP allows none.
//
// The ETag is a hash of the body, the same in every process, so that any replica
// can compare it. Which hash may change with a release: clients then fetch what
// they have once more. An entry in the header that is there stays, and nil
// switches a field off, as net/http has it for Date:
//
//	w.Header()["Etag"] = nil                   // no ETag, and no 304
//	w.Header()["X-Content-Type-Options"] = nil // no nosniff
//
// JSON is made by encoding/json; [Marshal] puts another encoder in its place.
//
// # Errors
//
// An answer to an error is found in the error itself, by the methods it has:
// StatusCode() int, PublicMessage() string, Header() http.Header and
// ProblemMembers() map[string]any. Any type may have them; [Error] does. The
// text of Error() is for the log and never reaches the client. An error
// without a status is a 500 that says "Internal Server Error".
//
// [Problem] renders an error as RFC 9457 problem document, [PlainError] as the
// text that Next.js sends, and [ErrorJSON] makes a renderer for any other
// shape. All fit every OnError field of the kit, and may be called by middleware
// of anybody's.
//
// # Differences from Next.js
//
//   - A string is text/plain with nosniff unless a Content-Type is set. Next.js
//     sends no type, and browsers may then take it for HTML.
//   - 304 is for GET and HEAD, and for an answer that would have been 200.
//     Next.js also turns a POST or a 500 into 304.
//   - If-None-Match decides alone. In Next.js an If-Modified-Since beside it
//     forbids 304.
//   - An ETag that the handler has set stays and is the one compared. Next.js
//     overwrites it.
//   - The ETag is the XXH64 of the body. Next.js has FNV-1a, which takes ten
//     times as long: after a move, clients fetch once more what they have.
//   - A status that is no final status (below 200 or above 999) is an error and
//     a 500 whatever the method. 205 has no body, as RFC 9110 demands.
//   - An error after a part of the body was written aborts the connection.
//     Next.js appends the text "Internal Server Error" to the part.
package reply
