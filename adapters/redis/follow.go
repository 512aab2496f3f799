package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/stream/hub"
	goredis "github.com/redis/go-redis/v9"
)

// How a log is followed.
//
// Entries come in two ways. Redis publishes each to the channel as it is added, which is
// fast, but misses followers that are not connected at that moment. The stream has all
// entries, but must be read. So a follower first subscribes to the channel, then reads
// the stream from its position to the end, and then takes messages as long as their
// numbers leave no hole. It skips duplicates; a hole, another epoch or a new connection
// send it back to the stream.
//
// The check of the connection also checks the log: every reply to a ping sends the
// follower to the stream, so that nothing stays unseen for longer than that, whatever
// happened to the channel.

const (
	checkEvery = 5 * time.Second
	page       = 100 // entries per read
)

var (
	errLost   = errors.New("the log was lost, and the one that has begun is empty")
	errSilent = errors.New("the connection is open, but the server does not respond")
)

// A follower is one call of Subscribe.
type follower struct {
	*Backplane
	channel *goredis.PubSub
	heard   atomic.Int64 // messages from the channel
	deliver func(hub.Entry)

	last   marked // the last delivered entry
	known  bool   // last was in the log when that was read
	behind bool   // there may be more in the stream
}

// Subscribe implements [hub.Backplane]. If the connection breaks it reconnects, and
// returns an error if that fails for 2 seconds. It also returns an error if the log was
// lost and the new one is empty.
func (b *Backplane) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	watched, cancel := context.WithCancelCause(ctx)
	f := &follower{
		Backplane: b,
		channel:   b.client.Subscribe(watched, b.key),
		deliver:   deliver,
		last:      marked{at: after},
	}
	if last := b.snapshot().delivered; last.at == after {
		f.last = last
	}
	b.update((*state).mayLack)
	ended := make(chan bool)
	go func() {
		defer close(ended)
		f.watch(watched, cancel)
	}()
	err := f.follow(watched)
	cancel(nil)
	<-ended
	if ctx.Err() != nil {
		b.update((*state).inStep) // a follower that is gone lacks nothing
		return ctx.Err()
	}
	b.update((*state).disconnected)
	return fmt.Errorf("redis: following %q: %w", b.key, err)
}

// watch closes the channel, which ends a Receive, when the context is done or the server
// does not respond.
func (f *follower) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	defer f.channel.Close()
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	for asked := int64(-1); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		heard := f.heard.Load()
		if heard == asked {
			cancel(errSilent)
			return
		}
		asked = heard
		f.update((*state).mayLack)
		_ = f.channel.Ping(ctx) // if that fails, no reply will come
	}
}

func (f *follower) follow(ctx context.Context) error {
	var again retry
	for {
		err := f.next(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			again = retry{}
		case !mayPass(err) || !again.wait(ctx):
			return err
		}
	}
}

// next takes one message, or reads the stream if there is more.
func (f *follower) next(ctx context.Context) error {
	if f.behind {
		return f.read(ctx)
	}
	message, err := f.channel.Receive(ctx)
	if err != nil {
		f.update((*state).disconnected)
		return err
	}
	f.heard.Add(1)
	switch message := message.(type) {
	case *goredis.Message:
		f.receive(message.Payload)
	case *goredis.Subscription:
		f.update((*state).connected)
		f.behind = true
	case *goredis.Pong:
		f.behind = true
	}
	return nil
}

// receive takes an entry from the channel.
func (f *follower) receive(message string) {
	id, event, _ := strings.Cut(message, " ")
	at, err := parseID(id)
	switch last := f.last.at; {
	case err != nil || at.Epoch != last.Epoch || at.Seq > last.Seq+1:
		f.update((*state).mayLack)
		f.behind = true
	case at.Seq == last.Seq+1:
		f.forward(at, event)
	}
}

// read reads a page of entries from the stream.
func (f *follower) read(ctx context.Context) error {
	known := f.snapshot().known
	reply, err := f.run(ctx, "read", entryID(f.last.at), f.last.mark, page, entryID(known.at), known.mark).Slice()
	if err != nil {
		f.update((*state).mayLack)
		return err
	}
	end, err := parseID(reply[0].(string))
	if err != nil {
		return err
	}
	entries := reply[1].([]any)
	if end.Epoch != f.last.at.Epoch {
		if f.known && len(entries) == 0 {
			return errLost
		}
		f.last = marked{at: hub.Position{Epoch: end.Epoch}}
	}
	f.known = true
	for _, entry := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		entry := entry.([]any) // the id and the fields
		at, err := parseID(entry[0].(string))
		if err != nil {
			return err
		}
		event := ""
		if fields := entry[1].([]any); len(fields) == 4 {
			event = fields[3].(string)
		}
		f.forward(at, event)
	}
	if f.behind = len(entries) == page; !f.behind {
		f.update((*state).inStep)
	}
	return nil
}

// forward delivers an entry. What cannot be decoded is delivered without an event, which no
// hub can send: its subscribers receive a gap event.
func (f *follower) forward(at hub.Position, encoded string) {
	topic, event, _ := decodeEvent(encoded)
	f.deliver(hub.Entry{Position: at, Topic: topic, Event: event})
	f.last = marked{at, encoded[:min(markSize, len(encoded))]}
	f.update(func(s *state) { s.delivered = f.last; s.noteKnown(f.last) })
}
