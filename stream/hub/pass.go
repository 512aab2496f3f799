package hub

import (
	"cmp"
	"slices"
	"sync"
)

const (
	// A batch goes out with one flush. Its bounds keep a client that is slow but
	// alive within the deadline of that flush.
	batchEntries = 64
	batchBytes   = 32 << 10

	// A stint bounds what is done under one lock: a topic counts as costOfTopic,
	// copying the place of an entry or waking a subscriber as 1.
	stint       = 4096
	costOfTopic = 16
)

// pace is the bounds of one step. They are constant but in tests.
type pace struct{ entries, stint int }

// A pass takes a subscriber from its cursor to the head of the log, as it was
// when the pass began, and no further: what is published meanwhile is for the
// next. It is borrowed as long as there is something to send.
type pass struct {
	to   uint64 // the head it began with
	at   int    // how many topics were gathered
	from uint64 // up to where the next one was, if only a part of it

	again bool // an entry was dropped between gathering and sending
	fresh bool // the first of this log

	heads   []head   // a heap: the next entry of each topic
	waiting []*entry // Coalesce: what is left to send, which the history may have dropped since
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

// restart begins the pass again, to the present head.
func (p *pass) restart(head uint64) {
	p.to, p.at, p.from, p.again, p.fresh = head, 0, 0, false, false
	p.heads, p.waiting, p.batch = p.heads[:0], p.waiting[:0], p.batch[:0]
}

// arrange makes a heap of the heads.
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

// merge fills the batch with the entries that come next. It stops at one that
// was dropped, and reports that. The caller holds Hub.mu for reading.
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

// take fills the batch from what is waiting.
func (p *pass) take(entries int) {
	n := fitting(p.waiting, entries)
	p.batch = append(p.batch, p.waiting[:n]...)
	clear(p.waiting[:n])
	p.waiting = p.waiting[n:]
}

// fitting returns how many of what is waiting, at least one entry if there is
// one, make a batch.
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

// coalesce keeps of the entries that wait with the same topic and key the last,
// in its place, and returns how many it passed over. An entry without a key
// stays.
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
