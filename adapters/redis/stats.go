package redis

import (
	"time"

	"github.com/apiece/apiece/stream/hub"
)

// Stats says how a [Backplane] follows its log, for the hub that it belongs to.
// If several hubs share a Backplane, each figure is that of the hub which last
// had something to tell.
type Stats struct {
	// Reconnects is how often the connection by which the log is followed was
	// made again after it was lost.
	Reconnects uint64
	// LastSeq is the number of the entry that was delivered last, 0 if none was:
	// two processes that are in step have the same.
	LastSeq uint64
	// Lag is for how long there may have been entries in Redis that were not
	// delivered: since the connection was lost, or since it was last known to be
	// in order, which is checked every 5 seconds. 0 is in step. Above 10 seconds
	// Redis cannot be reached, or the hub does not keep up.
	Lag time.Duration
}

// state is what Stats are made from. It is guarded by Backplane.mu.
type state struct {
	seen       seen
	reconnects uint64
	lost       bool      // the connection, which was not made again yet
	behind     time.Time // since when entries may be missing, zero if none are
}

// seen is the entry that was delivered last, with its mark.
type seen struct {
	at   hub.Position
	mark string
}

// Stats returns the figures of this moment.
func (b *Backplane) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Stats{Reconnects: b.state.reconnects, LastSeq: b.state.seen.at.Seq}
	if !b.state.behind.IsZero() {
		s.Lag = time.Since(b.state.behind)
	}
	return s
}

// update changes the state.
func (b *Backplane) update(change func(*state)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.state)
}

// mayLack notes that there may be entries that were not delivered.
func (s *state) mayLack() {
	if s.behind.IsZero() {
		s.behind = time.Now()
	}
}

// inStep notes that all were delivered, or that nobody waits for any.
func (s *state) inStep() { s.behind = time.Time{} }

// disconnected notes that the connection is lost.
func (s *state) disconnected() {
	s.lost = true
	s.mayLack()
}

// connected notes that there is a connection.
func (s *state) connected() {
	if s.lost {
		s.lost = false
		s.reconnects++
	}
}

func (b *Backplane) lastSeen() seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state.seen
}
