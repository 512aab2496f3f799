// Package middleware provides layers for a handler: an enforced timeout, a response
// size limit, panic recovery, a warning for requests without a response, and dispatch
// by method.
//
//	chain := alice.New(
//		middleware.Recover(nil),
//		middleware.ResponseLimit(4*bytesize.MB),
//		middleware.Timeout(5*time.Second),
//	)
//	mux.Handle("/api/report", chain.ThenFunc(report))
//
// Each is an ordinary func(http.Handler) http.Handler and works alone. [Chain] and
// [New] build the whole `config` of a Next.js route in one call, including the body
// parser. The handlers they return have a method Unwrap() http.Handler, through which
// pattern.Walk and nextfs.Check see the handlers inside.
//
// # Differences from Next.js
//
//   - maxDuration is enforced on the server that runs the handler. Next.js only passes
//     it to the platform. An open stream is exempt.
//   - responseLimit applies above the limit, not at it, and can reject as well as warn.
//   - The warning about requests without a response is opt-in, since an empty 200 is
//     legal in Go. It is logged in production too.
//   - 405 always carries an Allow header.
//   - An error after part of the response was sent drops the connection. Next.js
//     appends a text to that part.
package middleware
