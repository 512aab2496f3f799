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
// Entries come from two sides. Redis pushes each to the channel as it is
// added, which is fast, but forgets those who are not connected at that moment.
// The stream has them all, but has to be asked. So a follower connects to the
// channel first, then reads the stream from where it is to the end, and then
// takes what is pushed as long as the numbers leave no hole. What it has
// already is passed over, and a hole, another epoch or a new connection send it
// back to the stream.
//
// The check of the connection is a check of the log as well: every answer to a
// ping sends the follower to the stream, so that nothing stays unseen for
// longer than that, whatever happened to the channel.

const (
	checkEvery = 5 * time.Second
	page       = 100 // entries to read at once
)

var (
	errLost   = errors.New("the log was lost, and the one that has begun is empty")
	errSilent = errors.New("the connection is open, but nobody answers")
)

// A follower is one call of Subscribe.
type follower struct {
	*Backplane
	channel *goredis.PubSub
	heard   atomic.Int64 // messages from the channel
	deliver func(hub.Entry)

	last   seen // what was delivered last
	known  bool // last was in the log when that was read
	behind bool // there may be more in the stream
}

// Subscribe implements [hub.Backplane]. If the connection breaks it makes
// another, and returns an error if that does not succeed within 2 seconds. It
// returns an error as well if the log was lost, and what is there now is empty.
func (b *Backplane) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	watched, cancel := context.WithCancelCause(ctx)
	f := &follower{
		Backplane: b,
		channel:   b.client.Subscribe(watched, b.key),
		deliver:   deliver,
		last:      seen{at: after},
	}
	if last := b.lastSeen(); last.at == after {
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
		b.update((*state).inStep) // nothing is due to who has gone
		return ctx.Err()
	}
	b.update((*state).disconnected)
	return fmt.Errorf("redis: following %q: %w", b.key, err)
}

// watch closes the channel, which ends a Receive, when the context is done or
// the server does not answer.
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
		_ = f.channel.Ping(ctx) // if that fails, no answer will come
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

// next takes one message, or reads what the stream has if there is more.
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
		f.take(message.Payload)
	case *goredis.Subscription:
		f.update((*state).connected)
		f.behind = true
	case *goredis.Pong:
		f.behind = true
	}
	return nil
}

// take takes an entry from the channel.
func (f *follower) take(message string) {
	id, event, _ := strings.Cut(message, " ")
	at, err := parseID(id)
	switch last := f.last.at; {
	case err != nil || at.Epoch != last.Epoch || at.Seq > last.Seq+1:
		f.update((*state).mayLack)
		f.behind = true
	case at.Seq == last.Seq+1:
		f.pass(at, event)
	}
}

// read takes entries from the stream, a page of them.
func (f *follower) read(ctx context.Context) error {
	reply, err := f.run(ctx, "read", entryID(f.last.at), f.last.mark, page).Slice()
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
		f.last = seen{at: hub.Position{Epoch: end.Epoch}}
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
		f.pass(at, event)
	}
	if f.behind = len(entries) == page; !f.behind {
		f.update((*state).inStep)
	}
	return nil
}

// pass delivers an entry. What cannot be decoded is delivered without an event,
// which no hub can send: its subscribers are told of a gap.
func (f *follower) pass(at hub.Position, encoded string) {
	topic, event, _ := decodeEvent(encoded)
	f.deliver(hub.Entry{Position: at, Topic: topic, Event: event})
	f.last = seen{at, encoded[:min(markSize, len(encoded))]}
	f.update(func(s *state) { s.seen = f.last })
}
