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
	// that stops reading cannot hold the handler. It is armed for each flush
	// and cleared after it: a stream may be idle for as long as it likes. It
	// takes the place of http.Server.WriteTimeout, which would end the stream
	// however lively it is. 0 is 10 seconds, negative is none.
	WriteTimeout time.Duration

	// Heartbeat is how long a stream of [Handler] may be silent before a
	// comment is sent, so that proxies keep it open and a client that is gone
	// is noticed. 0 is 15 seconds, negative is none. [SSE] and [NDJSON] send
	// no heartbeats: nothing tells them when the handler returns, and what is
	// written after that ends up in somebody else's response.
	Heartbeat time.Duration

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
func (cfg *Config) flush(mediaType string) flush.Config {
	return flush.Config{MediaType: mediaType, WriteTimeout: cfg.WriteTimeout, Until: cfg.Until}
}
