package cache

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/apiece/apiece/bytesize"
)

// A Store holds entries by key. [NewStore] returns one in memory; package cachetest holds
// the tests that every implementation must pass.
//
// A store may drop any entry at any time, and should drop expired ones. It decides
// nothing: the cache checks whether an entry matches the request, is fresh and is valid.
// [Entry.MarshalBinary] encodes an entry for a store outside of the process. Methods are
// called from several goroutines at once.
type Store interface {
	// Get returns the entry of the key, or nil if there is none. The entry is shared and
	// must not be changed. After an error the cache runs the handler.
	Get(ctx context.Context, key string) (*Entry, error)

	// Set stores the entry under e.Key, up to 8 KB of any bytes, unless the store holds
	// one with a higher Number: then it does nothing. Comparing and replacing must be one
	// step. An entry that cannot be kept, because it is too large or has expired, still
	// replaces the one before, and is no error.
	Set(ctx context.Context, e *Entry) error
}

// A Locker keeps the processes that share a [Store] from running a handler for the same
// entry at once. The cache calls it before it fills an entry, if [Config] has one.
type Locker interface {
	// Lock returns the function to call when the entry is filled, or turns out not to be
	// stored. If another process is filling it, Lock waits until that is done, as long as
	// the Locker allows, and returns nil: the entry may be in the store. After an error
	// the cache runs the handler.
	Lock(ctx context.Context, key string) (unlock func(), err error)
}

// defaultStore is the size of the memory of a cache without a store.
const defaultStore = 64 * bytesize.MB

// NewStore returns a store in memory that holds entries of up to limit bytes in total;
// 0 is 64 MB, negative is no limit. When it is full it drops the least used entries.
func NewStore(limit bytesize.Size) Store {
	if limit == 0 {
		limit = defaultStore
	}
	options := &otter.Options[string, *Entry]{
		// Evictions are small, so the caller of Set does them, and no goroutine runs in
		// between. The cache checks expiry: here it would take a goroutine and a clock.
		Executor: func(f func()) { f() },
	}
	if limit > 0 {
		options.MaximumWeight = uint64(limit)
		options.Weigher = func(_ string, e *Entry) uint32 {
			return uint32(min(e.Size(), math.MaxUint32))
		}
	}
	s := new(store)
	options.OnAtomicDeletion = func(e otter.DeletionEvent[string, *Entry]) {
		if e.WasEvicted() {
			s.evicted.Add(1)
		}
	}
	s.entries = otter.Must(options)
	return s
}

type store struct {
	entries *otter.Cache[string, *Entry]
	evicted atomic.Int64
}

func (s *store) Get(_ context.Context, key string) (*Entry, error) {
	e, _ := s.entries.GetIfPresent(key)
	return e, nil
}

func (s *store) Set(_ context.Context, e *Entry) error {
	s.entries.Compute(e.Key, func(old *Entry, found bool) (*Entry, otter.ComputeOp) {
		if found && old.Number > e.Number {
			return old, otter.CancelOp
		}
		return e, otter.WriteOp
	})
	return nil
}
