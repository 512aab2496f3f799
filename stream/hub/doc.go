// Package hub passes what is published to a topic on to every client that has
// subscribed to it, as server-sent events.
//
//	posts := hub.New(hub.Config{})
//	http.Handle("GET /api/events", posts.Handler("posts"))
//	posts.Publish(ctx, "posts", stream.Event{Name: "created", Data: `{"id":7}`})
//
// A client that does not read holds back no other, and one that reconnects
// receives what it has missed, or is told by a [GapEvent] that it has missed
// something. [Hub.Serve] is for topics that depend on the request, [Hub.Present]
// says who listens, and a [Backplane] connects the hubs of several processes.
//
// For the events of one client alone see package stream. Its notes on servers,
// middleware and proxies hold here too, and so does its table of what clients
// make of the end of a stream: MaxAge and [Hub.Shutdown] end it in good order,
// [Disconnect] and a write that timed out cut it. http.Server.Shutdown waits for
// subscribers and does not tell them to go: call [Hub.Shutdown] first.
//
// # Ids
//
// Every event has an id, with which a client comes back: EventSource does so by
// itself, as soon as it has received one event. For one that is cut off before
// there is no place to come back to, and it is new again. So that nothing is
// missed between a page and its stream, or before the first event, render the
// page with [Hub.LastEventID] and pass that on:
//
//	new EventSource("/api/events?lastEventId=" + id)
//
// # Differences from Next.js
//
//   - Next.js has no hub: its examples keep a list of responses and write to
//     each, so that one client that does not read stops all of them, and one
//     that reconnects has missed what was sent meanwhile.
package hub
