package hub

import (
	"sort"
	"time"

	"github.com/apiece/apiece/stream"
)

// An entry is one published event. It is encoded once for all subscribers, and never
// changes.
type entry struct {
	seq   uint64
	topic *topic
	at    time.Duration // since the hub was made
	event stream.Event  // for Subscription.Key
	wire  []byte
}

// size is about how much memory e takes, in bytes.
func (e *entry) size() int64 { return int64(len(e.wire) + len(e.event.Data)) }

// A ring holds the latest entries of one topic, in order. It is the queue of every
// subscriber, which only has a cursor into it, and the log that reconnecting clients are
// served from, so one limit bounds both.
type ring struct {
	slots   []*entry // entry n is at n modulo len(slots), a power of two
	first   int      // the number of the oldest entry
	next    int      // the number of the next entry
	bytes   int64
	trimmed uint64 // the highest seq that was dropped
}

func (r *ring) len() int           { return r.next - r.first }
func (r *ring) slot(n int) **entry { return &r.slots[n&(len(r.slots)-1)] }
func (r *ring) at(n int) *entry    { return *r.slot(n) }

// add appends e, and drops the oldest entries beyond the limits.
func (r *ring) add(e *entry, most int, mostBytes int64) {
	if r.len() == len(r.slots) {
		r.grow()
	}
	*r.slot(r.next) = e
	r.next++
	r.bytes += e.size()
	for r.len() > most || mostBytes > 0 && r.bytes > mostBytes && r.len() > 1 {
		r.drop()
	}
}

func (r *ring) grow() {
	old := *r
	r.slots = make([]*entry, max(8, 2*len(old.slots)))
	for n := old.first; n < old.next; n++ {
		*r.slot(n) = old.at(n)
	}
}

// drop drops the oldest entry.
func (r *ring) drop() {
	oldest := r.slot(r.first)
	r.trimmed = (*oldest).seq
	r.bytes -= (*oldest).size()
	*oldest = nil
	r.first++
}

// expire drops the entries that are older than the given time.
func (r *ring) expire(before time.Duration) {
	for r.len() > 0 && r.at(r.first).at < before {
		r.drop()
	}
}

// after returns the number of the first entry after seq, next if there is none.
func (r *ring) after(seq uint64) int {
	// A client that keeps up is at most one entry behind: look there first.
	switch {
	case r.len() == 0 || r.at(r.next-1).seq <= seq:
		return r.next
	case r.len() == 1 || r.at(r.next-2).seq <= seq:
		return r.next - 1
	}
	return r.first + sort.Search(r.len(), func(i int) bool { return r.at(r.first+i).seq > seq })
}
