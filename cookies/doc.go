// Package cookies reads cookies the way browsers send them and writes only
// cookies that browsers keep.
//
//	theme, ok := cookies.Lookup(r, "theme")
//
//	err := cookies.Set(w, &http.Cookie{Name: "theme", Value: "dark", Path: "/", MaxAge: 86400})
//
// Reading is tolerant: a cookie that net/http would drop for a quote or a byte
// outside ASCII is still read, percent-decoded. Writing is strict: a cookie that
// net/http or a browser would change or drop is an error.
//
// A [Signer] prevents clients from changing a value, a [Sealer] from reading it too,
// and a [Draft] is the draft mode of Next.js. For sessions use a session store such
// as github.com/alexedwards/scs, which can end one on the server.
//
// # Differences from Next.js
//
//   - A pair without a name is skipped; Next.js stores it under "".
//   - A pair with a control byte is skipped. Names like "constructor" are not.
//   - A lone quote at the start of a value is kept; Next.js drops it together with
//     the last byte of the value.
//   - More than [MaxPairs] pairs or [HeaderLimit] bytes read as no cookies, and
//     [Check] returns an error; Next.js has only Node's bound on all headers.
//   - A lifetime over 400 days, by MaxAge or Expires, is written as 400 days, at
//     which browsers cap it; Next.js writes the given one.
//   - req.cookies can be assigned to; here the header of the request cannot.
//   - Next.js writes Set-Cookie lines as given. Its own serializer lets a
//     semicolon in a name or path through; [Set] refuses it.
//   - Draft mode has the cookie names, attributes and meaning of Next.js, but the
//     values are sealed with the service's own keys, path and names are set once
//     for all, and reading never clears cookies.
package cookies
