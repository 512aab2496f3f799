package stream

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/flush"
)

// Config configures a stream. The zero Config is ready to use.
type Config struct {
	// WriteTimeout is how long one flush may take, so that a client that stops reading
	// cannot hold the handler; an idle stream is not limited. From the first write to the
	// end of the stream it replaces http.Server.WriteTimeout, which would end even an
	// active stream. 0 is 10 seconds. Negative is none: a client that stops reading then
	// holds the handler until it closes the connection or TCP gives up, which may be
	// never. On HTTP/1 a flush of [Handler] may take up to 1/32 longer.
	WriteTimeout time.Duration

	// Heartbeat is how long a stream may be silent before a heartbeat is sent, so that
	// proxies keep it open and a dead client is noticed. The first one opens the stream,
	// after which no error response can be sent. It comes earlier if a time limit would
	// end the response before: after half the time of a middleware.Timeout, or on HTTP/2
	// of http.Server.WriteTimeout.
	//
	// For [Handler], 0 is 15 seconds and negative is none. For [SSE] and [NDJSON], 0 and
	// negative are none: they do not know when the handler returns, so with a Heartbeat
	// you have to defer Close.
	//
	// In an event stream a heartbeat is a comment without a blank line after it, which
	// several clients would take for an empty message. It is part of the next event, and
	// invisible to clients. Among lines of JSON it is a space before the next value.
	Heartbeat time.Duration

	// LastEventIDParam is the query parameter that [Stream.LastEventID] reads if the
	// request has no Last-Event-ID header. Polyfills of EventSource, which cannot set
	// headers, reconnect with it. "" is "lastEventId", the name that
	// event-source-polyfill and Mercure use, "-" is none.
	LastEventIDParam string

	// Until, if set, ends the context of every stream once it is done.
	// http.Server.Shutdown waits for streams and does not tell them to stop;
	// cancel Until from http.Server.RegisterOnShutdown.
	Until context.Context

	// OnError responds to errors before anything was sent. Nil is that of the
	// middleware.Config around it, else problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger logs a failed stream, once. Nil is that of the middleware.Config around it,
	// else slog.Default.
	Logger *slog.Logger
}

// flush returns the part of the config that concerns the connection.
func (cfg *Config) flush(mediaType string, closes bool) flush.Config {
	return flush.Config{MediaType: mediaType, WriteTimeout: cfg.WriteTimeout, Until: cfg.Until, Closes: closes}
}
