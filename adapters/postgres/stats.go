package postgres

import "time"

// Stats are counts since a [Backplane] was made, and its position.
type Stats struct {
	// Reconnects is how often a hub that follows the log has tried to reconnect, after
	// its connection broke or went silent.
	Reconnects uint64
	// LastSeq is the number of the last event delivered to a hub.
	LastSeq uint64
	// Lag is how long that event had been in the log when it was delivered, by the clock
	// of PostgreSQL, the rest of its transaction included.
	Lag time.Duration
}

// Stats returns the counts.
func (b *Backplane) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *Backplane) reconnected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Reconnects++
}
