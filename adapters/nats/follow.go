package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/stream/hub"
)

// How a log is followed.
//
// A consumer in the server sends the entries from a number on, without acknowledgments: a
// lost entry would be sent again, but after later ones. Instead the follower checks the
// consumer's sequence numbers for holes, and makes another consumer if it finds one.
// Holes in the numbers of entries mean nothing: there the log has forgotten entries.
//
//	          1 there is a consumer
//	┌─────────┐─────────────────────────►┌───────────┐
//	│ opening │                          │ following │─┐ 2 an entry is delivered,
//	└─────────┘◄─────────────────────────└───────────┘◄┘   or the log has no more
//	  │  4 after a pause        3 a new connection, a hole, no heartbeat,
//	  └──┘                        another epoch, or the log has more
//	  5 it cannot be opened for 2 seconds, or has lost entries: Subscribe returns
//
// Each consumer requests the last delivered entry again. If there is another in its
// place, or the log ends earlier, then the server was restarted with older files, and
// numbers were used twice, or are about to be.

const (
	checkEvery = 5 * time.Second // of silence
	heartbeat  = time.Second     // of the server, in silence; two missing ones end a consumer
	page       = 100             // entries in flight
)

// A follower is one call of Subscribe.
type follower struct {
	*Backplane
	deliver func(hub.Entry)
	last    delivered // the last delivered entry
	known   bool      // there was a log with last
}

// Subscribe implements [hub.Backplane]. It survives broken connections and stopped
// servers, and returns an error if the log cannot be reached for 2 seconds. It also
// returns an error if the log has lost entries, or was deleted and the new one is empty.
func (b *Backplane) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	f := &follower{Backplane: b, deliver: deliver, last: delivered{at: after}}
	if last := b.lastDelivered(); last.at == after && after.Seq > 0 {
		f.last, f.known = last, true
	}
	var failing, short retry
	for {
		followed, err := f.follow(ctx)
		if followed {
			failing = retry{}
		}
		again := false
		if errors.Is(err, errShort) { // believed after 2 seconds of such replies
			again = short.soon(ctx)
		} else {
			short = retry{}
			again = mayPass(err) && failing.soon(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case again:
			f.reconnects.Add(1)
			continue
		case errors.Is(err, errShort) || errors.Is(err, errForked):
			err = errors.Join(err, f.renew(ctx, f.last.at.Epoch))
		}
		return fmt.Errorf("nats: following %q: %w", b.name, err)
	}
}

// follow delivers what one consumer sends. It reports whether it learned anything: a new
// consumer that sends nothing counts as another failure.
func (f *follower) follow(ctx context.Context) (followed bool, err error) {
	live, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer f.watch(end)()
	l, err := f.open(live, !f.known)
	if err != nil {
		return false, err
	}
	switch at := f.last.at; {
	case at.Epoch == l.epoch && at.Seq > l.last:
		return false, errShort
	case at.Epoch != l.epoch && f.known && l.last == l.forgotten:
		return false, errEmpty
	case at.Epoch != l.epoch:
		f.last = delivered{at: hub.Position{Epoch: l.epoch}}
	}
	f.known = true
	from := max(f.last.at.Seq, l.forgotten) + 1
	if f.last.id != "" && f.last.at.Seq > l.forgotten {
		from = f.last.at.Seq
	}
	messages, err := consume(live, l.stream, from)
	if err != nil {
		return false, err
	}
	defer messages.Stop()
	defer context.AfterFunc(live, messages.Stop)()
	for sent := uint64(1); ; {
		message, err := messages.Next(jetstream.NextMaxWait(checkEvery))
		switch {
		case live.Err() != nil:
			return followed, context.Cause(live)
		case errors.Is(err, nats.ErrTimeout):
			err = f.check(live, l.epoch)
		case err == nil:
			err = f.receive(live, l, message, sent)
			sent++
		}
		if err != nil {
			return followed, err
		}
		followed = true
	}
}

// watch ends a follow when there is a new connection: entries in flight on the old one
// are lost, and the consumer does not know.
func (f *follower) watch(end context.CancelCauseFunc) (stop func()) {
	conn := f.js.Conn()
	changes := conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	stopped := make(chan bool)
	go func() {
		defer close(stopped)
		for status := range changes {
			if status == nats.CLOSED {
				end(nats.ErrConnectionClosed)
			}
			end(errConnected)
		}
	}()
	return func() {
		conn.RemoveStatusListener(changes) // closes the channel
		<-stopped
	}
}

// consume makes a consumer that sends the entries of the stream from a number on. It is
// in the memory of one server, which drops it when it is idle for a while.
func consume(ctx context.Context, s jetstream.Stream, from uint64) (jetstream.MessagesContext, error) {
	ctx, cancel := context.WithTimeout(ctx, operation)
	defer cancel()
	consumer, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 10 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return consumer.Messages(jetstream.PullMaxMessages(page), jetstream.PullHeartbeat(heartbeat))
}

// check looks for entries that the consumer should have sent.
func (f *follower) check(ctx context.Context, epoch string) error {
	l, err := f.open(ctx, false)
	if err == nil && (l.epoch != epoch || l.last != max(f.last.at.Seq, l.forgotten)) {
		err = errStale
	}
	return err
}

// receive processes a message, whose consumer sequence number is sent.
func (f *follower) receive(ctx context.Context, l *log, message jetstream.Msg, sent uint64) error {
	meta, err := message.Metadata()
	if err != nil {
		return err
	}
	if meta.Sequence.Consumer != sent {
		return errHole
	}
	at, id := hub.Position{Epoch: l.epoch, Seq: meta.Sequence.Stream}, message.Headers().Get(jetstream.MsgIDHeader)
	if at.Seq == f.last.at.Seq {
		if id != f.last.id {
			return errForked
		}
		return nil
	}
	if message.Subject() != f.subject(l.epoch) {
		// The stream has a new epoch, or this was published just before it got the
		// current one.
		now, err := f.open(ctx, false)
		if err != nil {
			return err
		}
		if now.epoch != l.epoch {
			return errStale
		}
	}
	// What cannot be decoded is delivered without an event, which no hub can send: its
	// subscribers receive a gap event.
	topic, event, _ := decodeEvent(message.Data())
	f.deliver(hub.Entry{Position: at, Topic: topic, Event: event})
	f.last = delivered{at, id}
	f.setDelivered(f.last)
	f.lag.Store(int64(time.Since(meta.Timestamp)))
	return nil
}
