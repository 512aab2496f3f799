package hub

import (
	"cmp"
	"slices"
	"sync"
)

const (
	// A batch is sent with one flush. Its bounds let a slow client meet the deadline of
	// that flush.
	batchEntries = 64
	batchBytes   = 32 << 10

	// A stint bounds the work under one lock: a topic counts as costOfTopic, copying the
	// place of an entry or waking a subscriber as 1.
	stint       = 4096
	costOfTopic = 16
)

// pace is the bounds of one step, constant except in tests.
type pace struct{ entries, stint int }

// A pass takes a subscriber from its cursor to the head that the log had when the pass
// began: later entries are for the next pass. It is borrowed as long as there is
// something to send.
type pass struct {
	to   uint64 // the head it began with
	at   int    // topics gathered
	from uint64 // where the next topic continues, if only a part was gathered

	vain  int  // restarts since something was sent
	fresh bool // the first of this log

	heads   []head   // a heap: the next entry of each topic
	waiting []*entry // Coalesce: entries left to send, which the history may have dropped
	batch   []*entry // what goes out with the next flush
}

// A head is the next entry of a topic that a pass has not sent.
type head struct {
	seq   uint64
	n     int // in the ring; below its first if the entry was dropped
	topic *topic
}

var passes = sync.Pool{New: func() any { return new(pass) }}

func (p *pass) free() {
	if cap(p.waiting) > 4*stint || cap(p.heads) > stint {
		return
	}
	// The pool must not keep events alive.
	clear(p.heads[:cap(p.heads)])
	clear(p.waiting[:cap(p.waiting)])
	clear(p.batch[:cap(p.batch)])
	*p = pass{heads: p.heads[:0], waiting: p.waiting[:0], batch: p.batch[:0]}
	passes.Put(p)
}

// restart begins the pass again, to the given head.
func (p *pass) restart(head uint64) {
	p.to, p.at, p.from, p.fresh = head, 0, 0, false
	p.heads, p.waiting, p.batch = p.heads[:0], p.waiting[:0], p.batch[:0]
}

// arrange makes the heads a heap.
func (p *pass) arrange() {
	for i := len(p.heads)/2 - 1; i >= 0; i-- {
		p.sink(i)
	}
}

func (p *pass) sink(i int) {
	for {
		least := 2*i + 1
		if least >= len(p.heads) {
			return
		}
		if right := least + 1; right < len(p.heads) && p.heads[right].seq < p.heads[least].seq {
			least = right
		}
		if p.heads[i].seq <= p.heads[least].seq {
			return
		}
		p.heads[i], p.heads[least] = p.heads[least], p.heads[i]
		i = least
	}
}

// merge fills the batch with the next entries. It stops at a dropped one, and reports
// that. The caller holds Hub.mu for reading.
func (p *pass) merge(entries int) (hole bool) {
	for bytes := 0; len(p.heads) > 0 && len(p.batch) < entries; {
		top := &p.heads[0]
		ring := &top.topic.ring
		if top.n < ring.first {
			return true
		}
		e := ring.at(top.n)
		if bytes += len(e.wire); bytes > batchBytes && len(p.batch) > 0 {
			return false
		}
		p.batch = append(p.batch, e)
		if top.n++; top.n < ring.next && ring.at(top.n).seq <= p.to {
			top.seq = ring.at(top.n).seq
		} else {
			last := len(p.heads) - 1
			p.heads[0] = p.heads[last]
			p.heads = p.heads[:last]
		}
		p.sink(0)
	}
	return false
}

// take fills the batch from the waiting entries.
func (p *pass) take(entries int) {
	n := fitting(p.waiting, entries)
	p.batch = append(p.batch, p.waiting[:n]...)
	clear(p.waiting[:n])
	p.waiting = p.waiting[n:]
}

// fitting returns how many of the waiting entries make a batch, at least one if there is
// one.
func fitting(waiting []*entry, entries int) int {
	bytes := 0
	for i, e := range waiting {
		bytes += len(e.wire)
		if i == entries || i > 0 && bytes > batchBytes {
			return i
		}
	}
	return len(waiting)
}

// coalesce keeps only the last of the waiting entries with the same topic and key, in its
// place, and returns how many it dropped. An entry without a key stays.
func (p *pass) coalesce(key func(*entry) string) (over int) {
	slices.SortFunc(p.waiting, func(x, y *entry) int { return cmp.Compare(x.seq, y.seq) })
	if len(p.waiting) < 2 {
		return 0
	}
	type value struct {
		topic *topic
		key   string
	}
	latest := make(map[value]uint64, len(p.waiting))
	values := make([]value, len(p.waiting))
	for i, e := range p.waiting {
		values[i] = value{e.topic, key(e)}
		latest[values[i]] = e.seq
	}
	kept := p.waiting[:0]
	for i, e := range p.waiting {
		if values[i].key == "" || latest[values[i]] == e.seq {
			kept = append(kept, e)
		}
	}
	over = len(p.waiting) - len(kept)
	clear(p.waiting[len(kept):])
	p.waiting = kept
	return over
}
