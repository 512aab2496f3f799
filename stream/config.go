package stream

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/flush"
)

// Config is how a stream behaves. The zero Config is ready to use.
type Config struct {
	// WriteTimeout bounds the time that one flush may take, so that a client
	// that stops reading cannot hold the handler; a stream may be idle for as long as
	// it likes. It takes the place of http.Server.WriteTimeout, which would end the
	// stream however lively it is, from the first write to the end of the stream. 0
	// is 10 seconds. Negative is none: a client that stops reading then holds the
	// handler until it closes the connection or TCP gives it up, which may be never.
	// On HTTP/1 a flush of [Handler] may take up to 1/32 more.
	WriteTimeout time.Duration

	// Heartbeat is how long a stream may be silent before a heartbeat is sent, so
	// that proxies keep it open and a client that is gone is noticed. The first one
	// opens the stream, which ends the time in which an error can be answered. It
	// comes earlier if the response would be ended before: after half of the time
	// of a middleware.Timeout, or on HTTP/2 of http.Server.WriteTimeout.
	//
	// For [Handler], 0 is 15 seconds and negative is none. For [SSE] and [NDJSON],
	// 0 and negative are none: nothing tells them when the handler returns, and
	// who sets it has to defer Close.
	//
	// In an event stream a heartbeat is a comment, without a blank line after it:
	// that would be an empty message to several clients. It is part of the next
	// event, and no client sees it. Among lines of JSON it is a space, in front of
	// the next value.
	Heartbeat time.Duration

	// LastEventIDParam is the query parameter that [Stream.LastEventID] reads if the
	// request has no Last-Event-ID header. Polyfills of EventSource, which cannot
	// set one, reconnect with it. "" is "lastEventId", the name that
	// event-source-polyfill and Mercure use, "-" is none.
	LastEventIDParam string

	// Until, if set, ends the context of every stream once it is done.
	// http.Server.Shutdown waits for streams and does not tell them to stop;
	// cancel Until from http.Server.RegisterOnShutdown.
	Until context.Context

	// OnError answers what fails before anything was sent. Nil is that of the
	// middleware.Config around it, else a problem document (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger takes the one record that a failed stream leaves. Nil is that of the
	// middleware.Config around it, else slog.Default.
	Logger *slog.Logger
}

// flush returns what of the config concerns the connection.
func (cfg *Config) flush(mediaType string, shuts bool) flush.Config {
	return flush.Config{MediaType: mediaType, WriteTimeout: cfg.WriteTimeout, Until: cfg.Until, Shuts: shuts}
}
