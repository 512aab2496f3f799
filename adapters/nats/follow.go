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
// A consumer in the server sends the entries from a number on, without waiting
// for acknowledgements: an entry that is lost on the way would come again, but
// after others. Instead the follower checks that there is no hole in the numbers
// that the consumer gives to what it sends, and makes another consumer if there is
// one. Holes in the numbers of entries are no sign: there the log has forgotten
// something.
//
//	          1 there is a consumer
//	┌─────────┐─────────────────────────►┌───────────┐
//	│ opening │                          │ following │─┐ 2 an entry is delivered,
//	└─────────┘◄─────────────────────────└───────────┘◄┘   or the log has no more
//	  │  4 after a pause        3 a new connection, a hole, no heartbeat,
//	  └──┘                        another epoch, or the log has more
//	  5 it cannot be opened for 2 seconds, or has lost entries: Subscribe returns
//
// The entry that was delivered last is asked for once more by each consumer. If
// there is another in its place, or the log has not come that far, then the server
// was restarted with older files, and numbers have been used a second time, or are
// about to be.

const (
	checkEvery = 5 * time.Second // of silence
	heartbeat  = time.Second     // of the server, in silence; two that do not come end a consumer
	page       = 100             // entries on their way at once
)

var (
	errReplaced  = errors.New("another log has taken the place of the one that the event was sent to")
	errEmpty     = errors.New("the log was lost, and the one that has begun is empty")
	errShort     = errors.New("the log lacks entries that were read, and a new one has to begin")
	errForked    = errors.New("the log has another entry where one was read, and a new one has to begin")
	errConnected = errors.New("there is a new connection")
	errHole      = errors.New("entries were lost on the way")
	errStale     = errors.New("the log has changed, and nothing was sent")
)

// A follower is one call of Subscribe.
type follower struct {
	*Backplane
	deliver func(hub.Entry)
	last    seen // what was delivered last
	known   bool // last is of a log that was there
}

// Subscribe implements [hub.Backplane]. It goes on over broken connections and
// servers that stop, and returns an error if the log cannot be reached for 2
// seconds. It returns an error as well if the log has lost entries, or was
// deleted and is empty since.
func (b *Backplane) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	f := &follower{Backplane: b, deliver: deliver, last: seen{at: after}}
	if last := b.lastSeen(); last.at == after && after.Seq > 0 {
		f.last, f.known = last, true
	}
	var failing, short retry
	for {
		followed, err := f.follow(ctx)
		if followed {
			failing = retry{}
		}
		again := false
		if errors.Is(err, errShort) { // every answer for 2 seconds says so before it is believed
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

// follow delivers what one consumer sends. It reports whether it has found out
// anything: a consumer that is made but never heard of is one more failure.
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
		f.last = seen{at: hub.Position{Epoch: l.epoch}}
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
			err = f.take(live, l, message, sent)
			sent++
		}
		if err != nil {
			return followed, err
		}
		followed = true
	}
}

// watch ends a follow when there is a new connection: what was on its way in the
// one before is lost, and the consumer does not know.
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
		conn.RemoveStatusListener(changes) // which closes the channel
		<-stopped
	}
}

// consume makes a consumer that sends what is in the stream from a number on. It
// is in the memory of one server, which drops it when it was not asked for a while.
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

// check looks for what the consumer should have sent.
func (f *follower) check(ctx context.Context, epoch string) error {
	l, err := f.open(ctx, false)
	if err == nil && (l.epoch != epoch || l.last != max(f.last.at.Seq, l.forgotten)) {
		err = errStale
	}
	return err
}

// take takes a message, which is the one that the consumer sent as the given.
func (f *follower) take(ctx context.Context, l *log, message jetstream.Msg, sent uint64) error {
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
		// The stream has another epoch now, or this was published just before it
		// was given this one.
		now, err := f.open(ctx, false)
		if err != nil {
			return err
		}
		if now.epoch != l.epoch {
			return errStale
		}
	}
	// What cannot be decoded is delivered without an event, which no hub can
	// send: its subscribers are told of a gap.
	topic, event, _ := decodeEvent(message.Data())
	f.deliver(hub.Entry{Position: at, Topic: topic, Event: event})
	f.last = seen{at, id}
	f.see(f.last)
	f.lag.Store(int64(time.Since(meta.Timestamp)))
	return nil
}
