package nats

import "time"

// Stats is what a [Backplane] has seen so far.
type Stats struct {
	// Reconnects is how often following the log had to begin again, because the
	// connection, the server or the log was lost.
	Reconnects uint64
	// LastSeq is the number of the last delivered entry.
	LastSeq uint64
	// Lag is the time from when the server stored that entry to its delivery, by the
	// clocks of both machines. It is large while a process reads what was appended before
	// it started, and never negative.
	Lag time.Duration
}

// Stats returns what the backplane has seen so far.
func (b *Backplane) Stats() Stats {
	return Stats{
		Reconnects: b.reconnects.Load(),
		LastSeq:    b.lastDelivered().at.Seq,
		Lag:        time.Duration(max(b.lag.Load(), 0)),
	}
}
