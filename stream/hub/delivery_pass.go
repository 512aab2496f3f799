package hub

import "sync"

const (
	// A batch is sent with one flush. Its bounds let a slow client meet the deadline of
	// that flush.
	batchEntries = 64
	batchBytes   = 32 << 10

	// lockBudget bounds the work under one lock: a topic counts as topicCost, copying a
	// pointer to an entry or waking a subscriber as 1.
	lockBudget = 4096
	topicCost  = 16
)

// stepLimits bound one step of a delivery. They are batchEntries and lockBudget except in
// tests.
type stepLimits struct{ entries, work int }

// A pass takes a subscriber from its cursor to the head that the log had when the pass
// began: later entries are for the next pass. It is borrowed as long as there is
// something to send.
type pass struct {
	to   uint64 // the head it began with
	at   int    // topics gathered
	from uint64 // where the next topic continues, if only a part was gathered

	retries int  // restarts since something was sent
	newLog  bool // the first of this log

	heads   []head   // a heap: the next entry of each topic
	waiting []*entry // Coalesce: entries left to send, which the history may have dropped
	batch   []*entry // what goes out with the next flush
}

// A head is the next entry of a topic that a pass has not sent.
type head struct {
	seq   uint64
	n     int // in the history; below its first if the entry was dropped
	topic *topic
}

var passes = sync.Pool{New: func() any { return new(pass) }}

func (p *pass) free() {
	if cap(p.waiting) > 4*lockBudget || cap(p.heads) > lockBudget {
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
	p.to, p.at, p.from, p.newLog = head, 0, 0, false
	p.heads, p.waiting, p.batch = p.heads[:0], p.waiting[:0], p.batch[:0]
}

// heapify makes the heads a heap.
func (p *pass) heapify() {
	for i := len(p.heads)/2 - 1; i >= 0; i-- {
		p.siftDown(i)
	}
}

func (p *pass) siftDown(i int) {
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
		hist := &top.topic.history
		if top.n < hist.first {
			return true
		}
		e := hist.at(top.n)
		if bytes += len(e.wire); bytes > batchBytes && len(p.batch) > 0 {
			return false
		}
		p.batch = append(p.batch, e)
		if top.n++; top.n < hist.next && hist.at(top.n).seq <= p.to {
			top.seq = hist.at(top.n).seq
		} else {
			last := len(p.heads) - 1
			p.heads[0] = p.heads[last]
			p.heads = p.heads[:last]
		}
		p.siftDown(0)
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
