// Package middleware holds the pieces that stand around a handler: a time limit
// that is enforced, a guard on the size of responses, a recoverer, a warning
// for requests that nobody answered, and the choice by method.
//
//	chain := alice.New(
//		middleware.Recover(nil),
//		middleware.ResponseLimit(4*bytesize.MB),
//		middleware.Timeout(5*time.Second),
//	)
//	mux.Handle("/api/report", chain.ThenFunc(report))
//
// Each is an ordinary func(http.Handler) http.Handler and works alone. [Chain]
// and [New] are Next's whole `config` of a route in one call, the body parser
// included. What they return has a method Unwrap() http.Handler, by which
// pattern.Walk and nextfs.Check see the handlers inside.
//
// # Differences from Next.js
//
//   - maxDuration is enforced, on the server that runs the handler. Next.js
//     only hands it to the platform. An open stream is exempt.
//   - responseLimit counts what is over the limit, not what reaches it, and can
//     refuse as well as warn.
//   - The warning about requests without an answer is opt-in, since an empty
//     200 is legal in Go, and is given in production too.
//   - 405 always carries an Allow header.
//   - An error after a part of the response is out drops the connection.
//     Next.js appends a text to the part.
package middleware
