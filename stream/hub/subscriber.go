package hub

import (
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/stream"
)

// A subscriber is an open subscription. The goroutine of its handler does all the work;
// others only wake it.
type subscriber struct {
	conn   flush.Conn
	hub    *Hub
	key    func(stream.Event) string
	client string
	delivery

	index    int           // in Hub.subscribers
	expires  time.Duration // on the clock of the hub, 0 is never
	lastSent atomic.Int64  // when it was last sent something, on the clock of the hub
	sentSeq  uint64        // of the last id it was sent

	admitted bool
	open     bool          // something was sent
	awake    atomic.Bool   // a wake is pending in signal, or being handled
	signal   chan struct{} // has room for one
}

// run sends until the subscription ends.
func (s *subscriber) run() error {
	every := s.hub.cfg.Heartbeat
	for {
		// Read before looking for events: none is published after it.
		closing := s.hub.closed.Load()
		sent, err := s.deliver()
		if err != nil {
			return err
		}
		lastSent := time.Duration(s.lastSent.Load())
		now := lastSent // updated if something was sent
		if !sent {
			now = s.hub.now()
		}
		// Checked in every round: there may never be nothing to send.
		if s.conn.Context().Err() != nil || s.expires > 0 && now >= s.expires {
			return nil
		}
		if sent {
			continue
		}
		if closing {
			return nil
		}
		if every > 0 && now >= lastSent+every {
			if err := s.beat(); err != nil {
				return err
			}
		}
		select {
		case <-s.signal:
			s.awake.Store(false) // first, so that later events wake it again
		case <-s.conn.Context().Done():
			return nil
		}
	}
}

// deliver sends what s has not received, or the first part of it if that is much. It
// reports whether there was anything.
func (s *subscriber) deliver() (sent bool, err error) {
	for {
		s.hub.mu.RLock()
		next := s.step(s.hub)
		s.hub.mu.RUnlock()
		switch next {
		case coalesce:
			dropped := s.pass.coalesce(func(e *entry) string { return s.key(e.event) })
			s.hub.stats.coalesced.Add(uint64(dropped))
		case disconnect:
			return false, errTooSlow
		case idle:
			s.done()
			if s.open {
				return false, nil
			}
			return true, s.send(nil)
		case ready:
			var batch []*entry
			if s.pass != nil {
				batch = s.pass.batch
			}
			err := s.send(batch)
			s.done()
			return true, err
		}
	}
}

// send flushes once: the opening of the stream, the gap, and the entries.
func (s *subscriber) send(batch []*entry) error {
	if s.open && s.gap == noGap && len(batch) == 1 {
		s.sentSeq = batch[0].seq
		s.hub.stats.delivered.Add(1)
		return s.flush(batch[0].wire)
	}
	buf := flush.Borrow()
	defer buf.Free()
	if !s.open {
		s.open = true
		buf.B = s.appendOpening(buf.B, s.gap == noGap && len(batch) == 0)
	}
	if s.gap != noGap {
		buf.B = s.appendGap(buf.B)
	}
	for _, e := range batch {
		buf.B = append(buf.B, e.wire...)
	}
	if len(batch) > 0 {
		s.sentSeq = batch[len(batch)-1].seq
		s.hub.stats.delivered.Add(uint64(len(batch)))
	}
	return s.flush(buf.B)
}

// appendOpening appends the fields that a stream begins with. They belong to the block of
// the first event, however late that comes: a block of their own would be a message
// without data to clients that do not follow the standard, and those that do ignore an id
// before its block has ended. [Config.PositionBlocks] is for those.
func (s *subscriber) appendOpening(dst []byte, alone bool) []byte {
	dst = s.hub.appendRetry(dst)
	if !alone {
		return dst
	}
	dst = s.appendID(dst, s.cursor)
	if s.hub.cfg.PositionBlocks {
		dst = append(dst, '\n')
	}
	return dst
}

func (s *subscriber) appendID(dst []byte, seq uint64) []byte {
	s.sentSeq = seq
	dst = append(dst, "id: "...)
	dst = Position{s.epoch, seq}.appendTo(dst)
	return append(dst, '\n')
}

// appendRetry appends a field, not a block.
func (h *Hub) appendRetry(dst []byte) []byte {
	retry := h.cfg.Retry
	if retry == 0 {
		return dst
	}
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, (retry/2 + rand.N(retry)).Milliseconds(), 10)
	return append(dst, '\n')
}

// beat tells the client that the stream is alive. The comment is not a block, which some
// clients would take for a message without data.
func (s *subscriber) beat() error {
	if s.hub.cfg.PositionBlocks && s.sentSeq != s.cursor {
		return s.flush(append(s.appendID(nil, s.cursor), '\n'))
	}
	return s.flush(heartbeat)
}

var heartbeat = []byte(":\n")

func (s *subscriber) flush(p []byte) error {
	err := s.conn.WriteAndFlush(p)
	s.lastSent.Store(int64(s.conn.Last().Sub(s.hub.start)))
	return err
}
