// Package cookies reads cookies the way browsers send them and writes only
// cookies that browsers keep.
//
//	theme, ok := cookies.Lookup(r, "theme")
//
//	err := cookies.Set(w, &http.Cookie{Name: "theme", Value: "dark", Path: "/", MaxAge: 86400})
//
// Reading is tolerant: a cookie that net/http would drop because of a quote or a
// byte outside ASCII is still there, percent-decoded. Writing is strict: a cookie
// that net/http or a browser would alter or drop is an error.
//
// A [Signer] keeps clients from changing a value, a [Sealer] from reading it as well,
// and a [Draft] is Next's draft mode. Sessions are left to session stores such as
// github.com/alexedwards/scs, which can end one on the server.
//
// # Differences from Next.js
//
//   - A pair without a name is skipped; Next stores it under "".
//   - A pair with a control byte is skipped. Names like "constructor" are not.
//   - A lone quote at the start of a value is kept; Next drops it with the last
//     byte of the value.
//   - More than [MaxPairs] pairs or [MaxBytes] bytes read as no cookies, and
//     [Check] says so; Next has no bound but that of Node on all headers.
//   - A life of more than 400 days, by MaxAge or Expires, is written as 400 days, at
//     which browsers cap it; Next writes what it is given.
//   - req.cookies can be assigned to; here the header of the request is all there is.
//   - Next writes Set-Cookie lines as they are given. Next's own serializer lets a
//     semicolon in a name or path through; [Set] refuses it.
//   - Draft mode is on as in Next, under the same cookie names and attributes, but the
//     values are sealed with keys of one's own, path and names are set once for all, and
//     reading never clears cookies.
package cookies
