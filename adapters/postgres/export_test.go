package postgres

import "context"

// Sweep deletes what exceeds the limits of a store, as it does by itself at times.
func (s *Store) Sweep(ctx context.Context) error { return s.sweep(ctx) }

// Sweeping reports whether a sweep is running.
func (s *Store) Sweeping() bool { return s.sweeping.Load() }
