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
// # When a stream opens
//
// A response becomes a stream with the first write: an event, a Flush, a heartbeat.
// Until then it is a response like any other. An error is answered with its status,
// within http.Server.ReadTimeout, WriteTimeout and the deadline of a
// middleware.Timeout. The first write lifts them, and the limit of a
// middleware.ResponseLimit; from then on every flush has a deadline of its own,
// [Config.WriteTimeout], and a stream may be silent for as long as it likes.
//
// Where the first event takes its time, call Flush first, or leave it to the
// heartbeats of [Config.Heartbeat]: proxies give up on a response that does not
// begin, nginx after a minute.
//
// # How a stream ends, and what clients make of it
//
// In good order: the handler returns nil, [Config.Until] is done, a hub is shut down or
// its MaxAge has passed. Cut: the handler returns an error after the first event. Or
// it does not begin, with 204 ([ErrStop]) or the status of an error.
//
//	client                            in good order       cut               204               error status
//	EventSource (browsers, npm)       reconnects          reconnects        stays away        stays away
//	eventsource-client (npm)          reconnects          reconnects        stays away        reconnects
//	event-source-polyfill (npm)       reconnects          reconnects        reconnects        stays away
//	@microsoft/fetch-event-source     stays away, unless  reconnects        reconnects,       reconnects,
//	                                  onclose throws                        unless onopen and onerror throw
//	launchdarkly/eventsource (Go)     reconnects          reconnects        reconnects,       reconnects,
//	                                                                        unless it was the first request
//	tmaxmax/go-sse (Go)               reconnects          reconnects        stays away        stays away
//	r3labs/sse (Go)                   Subscribe returns   reconnects        reconnects        reconnects
//	httpx-sse (Python), SDKs of LLMs  the loop ends       the loop raises   an error          an error
//
// A client that stays away from an orderly end has to be told to come back: with
// fetch-event-source, throw in onclose. No client reconnects faster than its own
// delay or [Event.Retry] says.
//
// # Middleware and proxies
//
// Whatever wraps the ResponseWriter has to let flushes through, by a Flush
// method or by Unwrap. A compressor has to flush when it is flushed, or leave
// text/event-stream alone; the recipe examples/compose/gzip says how for those that
// do neither.
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
