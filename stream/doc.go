// Package stream writes responses that do not end at once: server-sent events
// and lines of JSON.
//
//	http.Handle("GET /api/count", stream.Handler(stream.Config{}, func(s *stream.Stream) error {
//		for i := range 10 {
//			if err := s.SendJSON(map[string]int{"count": i}); err != nil {
//				return err
//			}
//		}
//		return nil
//	}))
//
// [Handler] is a whole handler, [SSE] and [NDJSON] begin a stream inside one. A
// [Reader] reads events, [Stream.Relay] passes those of another server on. One
// event for many clients is the subject of package stream/hub.
//
// # Servers, middleware and proxies
//
// A stream outlives http.Server.WriteTimeout and ReadTimeout, a deadline of
// middleware.Timeout and a limit of middleware.ResponseLimit: opening it lifts
// them. Instead every flush has a deadline of its own.
//
// Whatever wraps the ResponseWriter has to let flushes through, by a Flush
// method or by Unwrap. A compressor has to flush when it is flushed, or leave
// text/event-stream alone.
//
// http.Server.Shutdown waits until streams have ended and does not tell them
// to. See [Config.Until].
//
// # Differences from Next.js
//
//   - Next.js streams by res.write; there is no encoder, and text with a line
//     break in it becomes whatever fields it spells. Here nothing does.
//   - Its examples send Cache-Control: no-store. The default here is no-cache,
//     no-transform, which keeps compressors out as well; set your own before.
//   - maxDuration ends a stream of Next.js where the platform enforces it. Here
//     it does not: a stream that is to end has a context or its own clock.
package stream
