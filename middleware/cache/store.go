package cache

import (
	"context"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/apiece/apiece/bytesize"
)

// A Store holds entries by key. [NewStore] returns one in memory; package cachetest holds
// the tests that every implementation must pass.
//
// A store may drop any entry at any time, and should drop expired ones. It decides
// nothing: the cache checks whether an entry matches the request, is fresh and is valid.
// Methods are called from several goroutines at once.
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

// An Entry is what a [Store] holds: a response, or, for a URL whose responses vary, the
// names of the header fields that they vary with; or neither, which counts as no entry.
// It is not changed once it is made. A store must return all fields as they were.
type Entry struct {
	// Key is what the entry is for. The cache compares it, so that a store may
	// use a hash of it.
	Key string
	// Number is the place of the handler's run in the sequence of [Generations]. The
	// entry is valid unless one of its Tags was raised above it.
	Number uint64
	Tags   []string
	// Vary has the names of the fields, in canonical form and sorted.
	Vary []string

	// Status, Header and Body are the response. Status is 0 if there is none.
	Status int
	Header http.Header
	Body   []byte
	// Created is when the response was made.
	Created time.Time
	// Policy is how long and to which clients the response may be served.
	Policy Policy

	fields *fields // of Header, if this process made the entry and every field has one value
}

// Expires returns the time after which the cache will not ask for the entry.
func (e *Entry) Expires() time.Time {
	// Not the sum: a TTL without end is the largest Duration.
	return e.Created.Add(e.Policy.TTL).Add(max(e.Policy.StaleWhileRevalidate, e.Policy.StaleIfError, 0))
}

// Size returns about how much memory the entry takes, in bytes.
func (e *Entry) Size() bytesize.Size {
	const fixed, perString = 400, 48 // structs, map slots and headers of slices
	n := fixed + len(e.Key) + len(e.Body)
	for name, values := range e.Header {
		n += perString + len(name)
		for _, v := range values {
			n += perString + len(v)
		}
	}
	for _, list := range [][]string{e.Tags, e.Vary} {
		for _, s := range list {
			n += perString + len(s)
		}
	}
	return bytesize.Size(n)
}

// defaultStore is the size of the memory of a cache without a store.
const defaultStore = 64 * bytesize.MB

// NewStore returns a store in memory that holds entries of up to the given size in total;
// 0 is 64 MB, negative is no limit. When it is full it drops the least used entries.
func NewStore(size bytesize.Size) Store {
	if size == 0 {
		size = defaultStore
	}
	options := &otter.Options[string, *Entry]{
		// Evictions are small, so the caller of Set does them, and no goroutine runs in
		// between. The cache checks expiry: here it would take a goroutine and a clock.
		Executor: func(f func()) { f() },
	}
	if size > 0 {
		options.MaximumWeight = uint64(size)
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
