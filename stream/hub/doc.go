// Package hub broadcasts events to all clients that have subscribed to their topic, as
// server-sent events (pub/sub over SSE).
//
//	posts := hub.New(hub.Config{})
//	http.Handle("GET /api/events", posts.Handler("posts"))
//	posts.Publish(ctx, "posts", stream.Event{Name: "created", Data: `{"id":7}`})
//
// A slow client delays no other, and one that reconnects receives what it has missed, or
// a [GapEvent] if that is gone. [Hub.Serve] is for topics that depend on the request,
// [Hub.Present] says who listens, and a [Backplane] connects the hubs of several
// processes.
//
// For the events of a single client see package stream. Its notes on servers, middleware
// and proxies apply here too, and so does its table of how clients react to the end of a
// stream: MaxAge and [Hub.Shutdown] end it normally, [Disconnect] and a write timeout cut
// it. http.Server.Shutdown waits for subscribers but does not disconnect them: call
// [Hub.Shutdown] first.
//
// # Ids
//
// Every event has an id, with which a client reconnects: EventSource does so by itself,
// after it has received one event. A client that is cut off before that has no id and
// starts over. To miss nothing between a page and its stream, or before the first event,
// render the page with [Hub.LastEventID] and pass that on:
//
//	new EventSource("/api/events?lastEventId=" + id)
//
// # Differences from Next.js
//
//   - Next.js has no hub: its examples keep a list of responses and write to each, so
//     that one client that does not read stops all of them, and one that reconnects has
//     missed what was sent meanwhile.
package hub
