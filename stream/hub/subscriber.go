package hub

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/stream"
)

// A subscriber is an open subscription. The goroutine of its handler does all
// the work; others do no more than wake it.
type subscriber struct {
	conn     flush.Conn
	hub      *Hub
	overflow Overflow
	key      func(stream.Event) string
	client   string
	expires  time.Duration // on the clock of the hub, 0 is never

	place  int // in Hub.subscribers
	topics []membership

	awake  atomic.Bool   // a wake is pending in signal, or is being dealt with
	signal chan struct{} // has room for one
	quiet  atomic.Int64  // when it was last sent something, on the clock of the hub

	epoch  string
	cursor uint64 // everything up to here was sent, or does not concern it
	told   uint64 // the last id it was sent
	gap    uint64 // it knows that up to here events may be missing
}

// run sends until the subscription ends.
func (s *subscriber) run(lastEventID string) error {
	if err := s.begin(lastEventID); err != nil {
		return err
	}
	every := s.hub.cfg.Heartbeat
	for {
		// Asked before looking for events: none is published after it.
		closing := s.hub.closed.Load()
		sent, more, err := s.deliver()
		if err != nil {
			return err
		}
		quiet := time.Duration(s.quiet.Load())
		now := quiet // if something was sent, that was now
		if !sent {
			now = s.hub.now()
		}
		// Not left to the time when there is nothing to send: that may never come.
		if s.conn.Context().Err() != nil || s.expires > 0 && now >= s.expires {
			return nil
		}
		if more {
			continue
		}
		if closing {
			return nil
		}
		if every > 0 && now >= quiet+every {
			if err := s.beat(); err != nil {
				return err
			}
		}
		select {
		case <-s.signal:
			s.awake.Store(false) // and then look: what comes later wakes it again
		case <-s.conn.Context().Done():
			return nil
		}
	}
}

// wake has s look for events. It does not wait, and costs next to nothing if s
// is awake.
func (s *subscriber) wake() {
	if !s.awake.Load() && s.awake.CompareAndSwap(false, true) {
		s.signal <- struct{}{}
	}
}

// begin finds where the client wants to begin, and tells it where that is.
func (s *subscriber) begin(lastEventID string) error {
	h := s.hub
	h.mu.RLock()
	s.epoch, s.cursor, s.gap = h.epoch, h.head, s.lost()
	missing, after := false, ""
	if lastEventID != "" {
		at, ok := parsePosition(lastEventID)
		if ok && at.Epoch == h.epoch && (at.Seq <= h.head || h.cfg.Backplane != nil) {
			// It may be ahead: of the hubs that share a log, the one it comes
			// from has heard more. This one will, and sends what is after it.
			s.cursor, after = at.Seq, lastEventID
			missing = at.Seq < s.gap
		} else {
			// It is from another life. What there is of this one is new to it.
			s.cursor, missing = 0, true
		}
	}
	h.mu.RUnlock()

	buf := flush.Borrow()
	defer buf.Free()
	buf.B = s.appendRetry(buf.B)
	if missing {
		buf.B = s.appendGap(buf.B, after)
	} else {
		buf.B = s.appendPosition(buf.B)
	}
	return s.flush(buf.B)
}

// deliver sends what s has not been sent yet, or the first part of it if that
// is much. It reports whether there was anything, and whether there is more.
func (s *subscriber) deliver() (sent, more bool, err error) {
	b := batches.Get().(*batch)
	defer b.free()
	gap, after := s.collect(b)
	switch {
	case gap == tooSlow && s.overflow == Disconnect:
		s.hub.stats.disconnected.Add(1)
		return false, false, errTooSlow
	case gap != noGap:
		return true, true, s.flush(s.appendGap(nil, after))
	}
	switch len(b.entries) {
	case 0:
		return false, false, nil
	case 1:
		err = s.flush(b.entries[0].wire)
	default:
		buf := flush.Borrow()
		defer buf.Free()
		for _, e := range b.entries {
			buf.B = append(buf.B, e.wire...)
		}
		err = s.flush(buf.B)
	}
	if err != nil {
		return false, false, err
	}
	s.told = b.entries[len(b.entries)-1].seq
	s.hub.stats.delivered.Add(uint64(len(b.entries)))
	return true, b.more, nil
}

// A gapKind says why a subscriber has to be told that events are missing.
type gapKind int

const (
	noGap    gapKind = iota
	hole             // the log has lost some, whoever reads it
	tooSlow          // the history has moved past its cursor
	otherLog         // the log was lost, and with it what the cursor meant
)

// collect fills b with what comes next, in the order it was published, and
// moves the cursor.
func (s *subscriber) collect(b *batch) (gap gapKind, after string) {
	h := s.hub
	most := batchEntries
	if s.overflow == Coalesce {
		most = h.cfg.History
	}
	h.mu.RLock()
	switch lost, known := s.lost(), max(s.cursor, s.gap); {
	case s.epoch != h.epoch:
		s.epoch, s.cursor, s.gap = h.epoch, 0, lost
		gap = otherLog
	case lost > known:
		s.gap = lost
		gap, after = hole, s.position().String()
		if s.trimmed() > known {
			gap = tooSlow
		}
	default:
		for _, m := range s.topics {
			b.entries = m.ring.after(b.entries, s.cursor, most)
		}
	}
	head := h.head
	h.mu.RUnlock()
	if gap != noGap {
		return gap, after
	}

	if len(s.topics) > 1 {
		slices.SortFunc(b.entries, func(x, y *entry) int { return cmp.Compare(x.seq, y.seq) })
	}
	if s.overflow == Coalesce {
		all := len(b.entries)
		b.entries = coalesce(b.entries, s.key)
		h.stats.coalesced.Add(uint64(all - len(b.entries)))
	}
	n := fitting(b.entries)
	b.more = n < len(b.entries) || n == batchEntries
	clear(b.entries[n:])
	b.entries = b.entries[:n]
	if b.more {
		head = b.entries[n-1].seq
	}
	s.cursor = max(s.cursor, head) // see begin
	return noGap, ""
}

// lost returns the seq up to which entries of its topics may be missing. The
// caller holds Hub.mu.
func (s *subscriber) lost() uint64 { return max(s.hub.floor, s.trimmed()) }

// trimmed returns the seq of the latest entry of its topics that was dropped
// from their histories. The caller holds Hub.mu.
func (s *subscriber) trimmed() (seq uint64) {
	for _, m := range s.topics {
		seq = max(seq, m.ring.trimmed)
	}
	return seq
}

// beat tells the client that the stream is alive, and where it is if it does
// not know: events of topics that it does not listen to count as received.
func (s *subscriber) beat() error {
	if s.told == s.cursor {
		return s.flush(heartbeat)
	}
	return s.flush(s.appendPosition(nil))
}

func (s *subscriber) flush(p []byte) error {
	err := s.conn.Put(p)
	s.quiet.Store(int64(s.conn.Last().Sub(s.hub.start)))
	return err
}

func (s *subscriber) position() Position { return Position{s.epoch, s.cursor} }

// appendPosition appends a block that sets the id a client comes back with,
// and is no event.
func (s *subscriber) appendPosition(dst []byte) []byte {
	s.told = s.cursor
	dst = append(dst, "id: "...)
	dst = s.position().appendTo(dst)
	return append(dst, "\n\n"...)
}

func (s *subscriber) appendGap(dst []byte, after string) []byte {
	s.hub.stats.gaps.Add(1)
	s.told = s.cursor
	dst, _ = stream.Event{
		ID:   s.position().String(),
		Name: GapEvent,
		Data: `{"after":"` + after + `"}`, // an id of ours: nothing to escape
	}.AppendTo(dst)
	return dst
}

// appendRetry appends a field, not a whole block.
func (s *subscriber) appendRetry(dst []byte) []byte {
	retry := s.hub.cfg.Retry
	if retry == 0 {
		return dst
	}
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, (retry/2 + rand.N(retry)).Milliseconds(), 10)
	return append(dst, '\n')
}

// errTooSlow ends the stream of a subscriber whose Overflow is Disconnect.
var errTooSlow error = flush.Gone(errors.New("too slow for the history of the hub"))

// heartbeat is a comment in a block of its own, for parsers that hand on what
// is between blank lines.
var heartbeat = []byte(":\n\n")
