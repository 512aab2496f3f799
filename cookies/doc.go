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
// # Differences from Next.js
//
//   - A pair without a name is skipped; Next stores it under "".
//   - A pair with a control byte is skipped, and names like "constructor" are not.
//   - A lone quote at the start of a value is kept; Next drops it with the last
//     byte of the value.
//   - More than [MaxPairs] pairs or [MaxBytes] bytes read as no cookies, and
//     [Check] says so; Next has no bound but that of Node on all headers.
//   - Cookies cannot be assigned to: req.cookies is a property in Next, here it
//     is the header.
package cookies
