// Package redis lets the hubs and caches of several processes work as one, by
// way of a Redis server.
//
// # Differences from Next.js
//
// Next.js has no event hub.
package redis
