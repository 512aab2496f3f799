package hub_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// filling is a log that is read slowly, and can be replaced by another.
type filling struct {
	mu    sync.Mutex
	last  hub.Position
	other context.CancelFunc // ends the subscriptions to the previous log
	ctx   context.Context
}

// Store makes it a log of n entries.
func (f *filling) Store(epoch string, n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.other != nil {
		f.other()
	}
	f.last = hub.Position{Epoch: epoch, Seq: n}
	f.ctx, f.other = context.WithCancel(context.Background())
}

func (f *filling) state() (hub.Position, context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.ctx
}

func (f *filling) Append(context.Context, string, stream.Event) (hub.Position, error) {
	return hub.Position{}, errors.New("read only")
}

func (f *filling) Bounds(context.Context) (hub.Position, uint64, error) {
	last, _ := f.state()
	return last, 0, nil
}

func (f *filling) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	last, other := f.state()
	if after.Epoch != last.Epoch {
		after = hub.Position{Epoch: last.Epoch}
	}
	for seq := after.Seq + 1; seq <= last.Seq; seq++ {
		time.Sleep(10 * time.Millisecond)
		deliver(hub.Entry{Position: hub.Position{Epoch: last.Epoch, Seq: seq}, Topic: "t", Event: stream.Event{Data: "old"}})
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-other.Done():
		return errors.New("lost")
	}
}
