// Package stream writes streaming responses: server-sent events (SSE) and lines of JSON.
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
// [Handler] is a whole handler, [SSE] and [NDJSON] begin a stream inside one. A [Reader]
// reads events, [Stream.Relay] proxies those of another server. To send one event to many
// clients use package stream/hub.
//
// # When a stream opens
//
// A response becomes a stream with the first write: an event, a Flush, a heartbeat. Until
// then it is an ordinary response. An error gets its status, within
// http.Server.ReadTimeout, WriteTimeout and the deadline of a middleware.Timeout. The
// first write lifts them, and the limit of a middleware.ResponseLimit; from then on every
// flush has its own deadline, [Config.WriteTimeout], and a stream may stay silent.
//
// If the first event takes time, call Flush first, or set [Config.Heartbeat]: proxies
// give up on a response that does not begin, nginx after a minute.
//
// # How a stream ends, and how clients react
//
// Normally: the handler returns nil, [Config.Until] is done, a hub is shut down or its
// MaxAge has passed. Cut: the handler returns an error after the first event. Or it does
// not begin, with 204 ([ErrStop]) or the status of an error.
//
//	client                            normal end          cut               204               error status
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
// A client that stays away after a normal end needs code to reconnect: with
// fetch-event-source, throw in onclose. No client reconnects before its own delay or
// [Event.Retry] has passed.
//
// # Middleware and proxies
//
// Middleware that wraps the ResponseWriter must support flushing, by a Flush method or by
// Unwrap. A compressor must flush when it is flushed, or leave text/event-stream alone;
// the recipe examples/compose/gzip shows a way for those that do neither.
//
// http.Server.Shutdown waits until streams have ended but does not end them. See
// [Config.Until].
//
// # Differences from Next.js
//
//   - Next.js streams by res.write; it has no encoder, so a line break in the text starts
//     a new field. Here that cannot happen.
//   - Its examples send Cache-Control: no-store. The default here is no-cache,
//     no-transform, which also turns compressors off; set your own before.
//   - maxDuration ends a stream of Next.js where the platform enforces it. Here nothing
//     does: use a context or a timer to end a stream.
package stream

// What happens to an event, from Send to the wire.
//
//  1. SSE or Handler has checked that the response can be a stream (stream.go, handler.go,
//     Prepare in internal/flush/conn.go). Nothing is sent yet, and every limit applies.
//  2. Send (stream.go) encodes the event (event.go, encode.go) into a buffer of a pool. An
//     event that cannot be encoded is an error (errors.go), and the stream goes on.
//  3. Send (internal/flush/conn.go) takes its turn with other senders, the heartbeats
//     (internal/flush/heartbeat.go) and the parts of a large event.
//  4. The first write lifts the limits of the response and sends the header; each write
//     has a deadline of its own, and ends with a flush.
//  5. Close (internal/flush/conn.go), as the handler returns, makes later writes fail.
//
// The other way, a Reader (reader.go) splits what it reads into lines (reader_lines.go),
// replaces invalid UTF-8 (reader_utf8.go), and parses them into events. A relay (relay.go)
// forwards lines to a Stream. Lines of JSON (ndjson.go) go from step 3 on. For many clients
// read package stream/hub first, from hub.go.
