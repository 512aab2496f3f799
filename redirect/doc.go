// Package redirect sends redirects that arrive as they were meant: to a valid
// status, with a Location that fits in a header, and, for targets a client had
// a hand in, to nowhere but the own origin or a listed one.
//
//	http.HandleFunc("POST /api/login", func(w http.ResponseWriter, r *http.Request) {
//		// ...
//		redirect.Local(w, r, r.FormValue("next"), "/") // 303, never off the site
//	})
//
// Which status: 307 (the default) and 308 make the browser repeat the request,
// with method and body. After a form was handled that is a second submit, with
// whatever was in the form, to the next page; 303 makes it a GET. [Local] and
// [Policy.To] choose 303 after unsafe methods by themselves.
//
// Every function either sends the redirect or answers and logs the error itself,
// so `return redirect.To(w, r, "/login")` is safe in a handler with an error and
// ignoring the error is safe in one without.
//
// # Differences from Next.js
//
//   - A status outside 300 to 399 is an error; Next sends 200 with a Location.
//   - Text outside ASCII and spaces in the target are percent-encoded; Next sends
//     bytes up to U+00FF and spaces raw and fails above.
//   - The body is the same, the target as text, but declared text/plain with
//     nosniff, so that a target like "/?<script>" stays text.
//   - Next has no check of the target. [To] and [Code] have none either; [Local]
//     and [Policy] are additions.
package redirect
