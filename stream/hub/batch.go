package hub

import "sync"

// A batch goes out with one flush. Its bounds keep a client that is slow but
// alive within the deadline of that flush.
const (
	batchEntries = 64
	batchBytes   = 32 << 10
)

// fitting returns how many of the entries, at least one if there is one, make
// a batch.
func fitting(entries []*entry) int {
	bytes := 0
	for i, e := range entries {
		bytes += len(e.wire)
		if i == batchEntries || i > 0 && bytes > batchBytes {
			return i
		}
	}
	return len(entries)
}

type batch struct {
	entries []*entry
	more    bool // there may be more than these
}

var batches = sync.Pool{New: func() any { return &batch{entries: make([]*entry, 0, batchEntries)} }}

func (b *batch) free() {
	clear(b.entries) // the pool must not keep events alive
	b.entries = b.entries[:0]
	batches.Put(b)
}
