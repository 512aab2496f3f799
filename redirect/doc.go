// Package redirect sends safe redirects: with a valid status, a Location that
// fits in a header, and, for a target that a client supplied, only to the same
// origin or a listed one.
//
//	http.HandleFunc("POST /api/login", func(w http.ResponseWriter, r *http.Request) {
//		// ...
//		redirect.Local(w, r, r.FormValue("next"), "/") // 303, never off the site
//	})
//
// Which status to use: 307 (the default) and 308 make the browser repeat the
// request with its method and body. After a form that is a second submit, of
// the same data, to the next page; 303 makes it a GET. [Local] and [AllowList.To]
// use 303 after unsafe methods.
//
// Every function either sends the redirect or responds to the error and logs it.
// So `return redirect.To(w, r, "/login")` is safe in a handler that returns an
// error, and ignoring the error is safe in one that does not.
//
// # Differences from Next.js
//
//   - A status outside 300 to 399 is an error; Next.js sends 200 with a Location.
//   - Spaces and text outside ASCII in the target are percent-encoded; Next.js
//     sends bytes up to U+00FF and spaces raw and fails above.
//   - The body is the same, the target as text, but declared text/plain with
//     nosniff, so that a target like "/?<script>" stays text.
//   - Next.js does not check the target. Nor do [To] and [Code]; [Local] and
//     [AllowList] are additions.
package redirect
