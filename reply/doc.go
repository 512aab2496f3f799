// Package reply writes complete responses: a status with a JSON value, a text,
// bytes, or an error.
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
// [JSON] and [Send] encode first and write second. A value that cannot be
// encoded becomes a complete 500, never an empty 200. The error that they
// return is already logged: it can be dropped, and a [HandlerFunc] that returns
// it neither logs nor responds again. Both declare the length, send a strong
// ETag, respond with 304 if the client has the representation already, and send
// no body where HTTP allows none.
//
// The ETag is a hash of the body, the same in every process, so that any replica
// can compare it. A release may change the hash; clients then fetch again what
// they have. A header field that is already set stays, and nil disables one, as
// net/http does for Date:
//
//	w.Header()["Etag"] = nil                   // no ETag, and no 304
//	w.Header()["X-Content-Type-Options"] = nil // no nosniff
//
// JSON is encoded by encoding/json; [Marshal] replaces the encoder.
//
// # Errors
//
// The response to an error comes from the methods of the error: StatusCode()
// int, PublicMessage() string, Header() http.Header and ProblemMembers()
// map[string]any. Any type may have them; [Error] does. The text of Error() is
// for the log and never reaches the client. An error without a status is a 500
// with the text "Internal Server Error".
//
// [Problem] renders an error as problem details (RFC 9457), [PlainError] as the
// text that Next.js sends, and [ErrorJSON] makes a renderer for any other shape.
// All fit every OnError field of the kit, and any other middleware may call
// them.
//
// # Differences from Next.js
//
//   - A string is text/plain with nosniff unless a Content-Type is set. Next.js
//     sends no type, and browsers may then take it for HTML.
//   - 304 is for GET and HEAD, and only in place of a 200. Next.js also turns a
//     POST or a 500 into 304.
//   - If-None-Match alone decides. In Next.js an additional If-Modified-Since
//     prevents 304.
//   - An ETag that the handler has set stays and is compared. Next.js overwrites
//     it.
//   - The ETag is the XXH64 of the body. Next.js uses FNV-1a, which takes ten
//     times as long: after a move, clients fetch again what they have.
//   - A status that is not final (below 200 or above 999) is an error and a 500
//     for every method. 205 has no body, as RFC 9110 demands.
//   - An error after a part of the body was written aborts the connection. Next.js
//     appends the text "Internal Server Error" to the part.
package reply
