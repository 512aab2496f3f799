package browsertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/launchdarkly/eventsource"
	r3labs "github.com/r3labs/sse/v2"
	"github.com/tmaxmax/go-sse"
)

var goClients = []client{
	{name: "launchdarkly/eventsource", start: listens(launchdarkly)},
	// It does not reconnect after an end in good order that follows a comment line.
	{name: "tmaxmax/go-sse", start: listens(goSSE)},
	// It takes bytes after the last message of a connection for a message: a heartbeat.
	{name: "r3labs/sse", start: listens(r3labsSSE), own: 1},
}

func listens(l listener) func(*testing.T) listener {
	return func(*testing.T) listener { return l }
}

func launchdarkly(ctx context.Context, url string, got func(message)) error {
	s, err := eventsource.SubscribeWithURL(url,
		eventsource.StreamOptionInitialRetry(pulse),
		eventsource.StreamOptionErrorHandler(func(error) (r eventsource.StreamErrorHandlerResult) { return r }))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, s.Close)()
	for e := range s.Events {
		got(named(e.Event(), e.Data(), e.Id()))
	}
	return ctx.Err()
}

func goSSE(ctx context.Context, url string, got func(message)) error {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	client := sse.Client{Backoff: sse.Backoff{InitialInterval: pulse}}
	conn := client.NewConnection(r)
	conn.SubscribeToAll(func(e sse.Event) { got(named(e.Type, e.Data, e.LastEventID)) })
	return conn.Connect()
}

// r3labsSSE reconnects itself: Subscribe returns when a stream ends in good order, and
// otherwise waits for at least half a second.
func r3labsSSE(ctx context.Context, url string, got func(message)) error {
	client := r3labs.NewClient(url)
	client.ReconnectStrategy = noRetry{}
	for ctx.Err() == nil {
		_ = client.SubscribeRawWithContext(ctx, func(e *r3labs.Event) {
			got(named(string(e.Event), string(e.Data), string(e.ID)))
		})
		time.Sleep(pulse)
	}
	return ctx.Err()
}

// noRetry is a backoff.BackOff that gives up at once.
type noRetry struct{}

func (noRetry) NextBackOff() time.Duration { return -1 }
func (noRetry) Reset()                     {}

func named(name, data, id string) message {
	if name == "" {
		name = "message"
	}
	return message{name, data, id}
}
