package postgres

import "context"

// For the fuzz test: what is read back must be what was written, and what was
// not written here must not be read as something else.
var (
	EncodeEntry = encodeEntry
	DecodeEntry = decodeEntry
)

// Sweep deletes what a store has too much, as it does by itself now and then.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx) }

// Sweeping reports whether it does.
func (s *Store) Sweeping() bool { return s.sweeping.Load() }
