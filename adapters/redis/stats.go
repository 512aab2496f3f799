package redis

import (
	"time"

	"github.com/apiece/apiece/stream/hub"
)

// Stats says how a [Backplane] follows its log, for the hub that it belongs to. If
// several hubs share a Backplane, each value is that of the hub which changed it last.
type Stats struct {
	// Reconnects is how often the follower's connection was made again after it was lost.
	Reconnects uint64
	// LastSeq is the number of the last delivered entry, 0 if there was none: it is the
	// same in processes that are in step.
	LastSeq uint64
	// Lag is how long there may have been undelivered entries in Redis: since the
	// connection was lost, or since the last check, which is made every 5 seconds. 0 is
	// in step. Above 10 seconds Redis cannot be reached, or the hub does not keep up.
	Lag time.Duration
}

// state is the state behind Stats, guarded by Backplane.mu.
type state struct {
	delivered  marked // the last delivered entry
	known      marked // the highest delivered or appended entry
	reconnects uint64
	lost       bool      // the connection was lost, and not yet made again
	behind     time.Time // since when entries may be missing, zero if none are
}

// marked is the position of an entry, with its mark.
type marked struct {
	at   hub.Position
	mark string
}

// Stats returns the current values.
func (b *Backplane) Stats() Stats {
	now := b.snapshot()
	s := Stats{Reconnects: now.reconnects, LastSeq: now.delivered.at.Seq}
	if !now.behind.IsZero() {
		s.Lag = time.Since(now.behind)
	}
	return s
}

// update changes the state.
func (b *Backplane) update(change func(*state)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.state)
}

// noteKnown notes an entry that is in the log. Another epoch means another log.
func (s *state) noteKnown(entry marked) {
	if entry.at.Epoch != s.known.at.Epoch || entry.at.Seq > s.known.at.Seq {
		s.known = entry
	}
}

// mayLack notes that there may be undelivered entries.
func (s *state) mayLack() {
	if s.behind.IsZero() {
		s.behind = time.Now()
	}
}

// inStep notes that all entries were delivered, or that no follower waits for any.
func (s *state) inStep() { s.behind = time.Time{} }

// disconnected notes that the connection is lost.
func (s *state) disconnected() {
	s.lost = true
	s.mayLack()
}

// connected notes that the connection works.
func (s *state) connected() {
	if s.lost {
		s.lost = false
		s.reconnects++
	}
}

// snapshot returns the current state.
func (b *Backplane) snapshot() state {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}
