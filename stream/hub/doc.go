// Package hub passes what is published to a topic on to every client that has
// subscribed to it, as server-sent events.
//
//	posts := hub.New(hub.Config{})
//	http.HandleFunc("GET /api/events", func(w http.ResponseWriter, r *http.Request) {
//		posts.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
//	})
//	posts.Publish(ctx, "posts", stream.Event{Name: "created", Data: `{"id":7}`})
//
// A client that does not read holds back no other, and one that reconnects
// receives what it has missed, or is told that it has missed something.
//
// For the events of one client alone see package stream, whose notes on
// servers, middleware and proxies hold here too. http.Server.Shutdown waits
// for subscribers and does not tell them to go: see [Hub.Shutdown].
//
// # Differences from Next.js
//
//   - Next.js has no hub: its examples keep a list of responses and write to
//     each, so that one client that does not read stops all of them, and one
//     that reconnects has missed what was sent meanwhile.
package hub
