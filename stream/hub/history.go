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

// A history is a ring buffer of the latest entries of one topic, in order. It is the queue
// of every subscriber, which only has a cursor into it, and the log that reconnecting
// clients are served from, so one limit bounds both.
type history struct {
	slots   []*entry // entry n is at n modulo len(slots), a power of two
	first   int      // the number of the oldest entry
	next    int      // the number of the next entry
	bytes   int64
	trimmed uint64 // the highest seq that was dropped
}

func (h *history) len() int           { return h.next - h.first }
func (h *history) slot(n int) **entry { return &h.slots[n&(len(h.slots)-1)] }
func (h *history) at(n int) *entry    { return *h.slot(n) }

// add appends e, and drops the oldest entries beyond the limits.
func (h *history) add(e *entry, most int, mostBytes int64) {
	if h.len() == len(h.slots) {
		h.grow()
	}
	*h.slot(h.next) = e
	h.next++
	h.bytes += e.size()
	for h.len() > most || mostBytes > 0 && h.bytes > mostBytes && h.len() > 1 {
		h.drop()
	}
}

func (h *history) grow() {
	old := *h
	h.slots = make([]*entry, max(8, 2*len(old.slots)))
	for n := old.first; n < old.next; n++ {
		*h.slot(n) = old.at(n)
	}
}

// drop drops the oldest entry.
func (h *history) drop() {
	oldest := h.slot(h.first)
	h.trimmed = (*oldest).seq
	h.bytes -= (*oldest).size()
	*oldest = nil
	h.first++
}

// expire drops the entries that are older than the given time.
func (h *history) expire(before time.Duration) {
	for h.len() > 0 && h.at(h.first).at < before {
		h.drop()
	}
}

// after returns the number of the first entry after seq, next if there is none.
func (h *history) after(seq uint64) int {
	// A client that keeps up is at most one entry behind: look there first.
	switch {
	case h.len() == 0 || h.at(h.next-1).seq <= seq:
		return h.next
	case h.len() == 1 || h.at(h.next-2).seq <= seq:
		return h.next - 1
	}
	return h.first + sort.Search(h.len(), func(i int) bool { return h.at(h.first+i).seq > seq })
}
