package hub

// A delivery is what one subscriber has been sent of the log. It is a state machine,
// which takes one step at a time under one lock of the log, and changes only the delivery
// itself: what a step finds is sent without a lock, and may take as long as the client
// likes.
//
//	1 upToDate  -> gathering  there is something after the cursor; a pass begins
//	2 gathering -> gathering  that was enough under one lock
//	3 gathering -> sending    every topic was looked at
//	4 sending   -> sending    a batch goes out, the cursor follows
//	5 sending   -> upToDate   the next entry was dropped before it was reached:
//	                          another pass, to the head of then
//	6 sending   -> upToDate   the pass is at its end, and the cursor with it
//	7 any       -> gathering  another log has replaced this one
//
// A hole is reported with the batch that follows it, in one flush, and once for all
// topics together. If the history of a topic has moved on, delivery continues in the
// middle of that history and not at its edge, so that the other half has to be published
// before it can happen again. However fast that is, delivery goes on: each failed pass
// takes twice as much under one lock.
type delivery struct {
	state      progress
	served     bool    // a batch went out
	gap        gapKind // to be reported with the next flush
	overflow   Overflow
	generation uint32 // of the log: a past epoch may come back
	epoch      string
	cursor     uint64 // everything up to here was sent, or is of other topics
	floor      uint64 // it knows that the log may lack entries up to here
	gapAt      uint64 // where it was when the gap was found
	topics     []subscribedTopic
	pass       *pass // nil unless a pass is under way
}

// progress is the state of a delivery.
type progress uint8

const (
	upToDate progress = iota
	gathering
	sending
)

// An outcome is what to do after a step.
type outcome uint8

const (
	idle       outcome = iota // nothing: wait to be woken
	again                     // take another step
	coalesce                  // coalesce what was gathered, then take another step
	ready                     // send the gap, if there is one, and the batch
	disconnect                // end the stream
)

// step takes one step. The caller holds Hub.mu for reading.
func (d *delivery) step(h *Hub) outcome {
	switch {
	case d.generation != h.generation:
		d.generation, d.epoch, d.cursor, d.floor = h.generation, h.epoch, 0, h.floor
		d.noteGap(otherLog)
		d.begin(h)
		d.pass.newLog = true
	case h.floor > max(d.cursor, d.floor):
		d.noteGap(hole)
		d.floor = h.floor
	}
	switch d.state {
	case upToDate:
		if h.head <= d.cursor {
			if d.gap != noGap {
				return ready
			}
			return idle
		}
		d.begin(h)
		fallthrough
	case gathering:
		if !d.gather(h) {
			return again
		}
		if d.gap == tooSlow && d.overflow == Disconnect && d.served {
			return disconnect
		}
		d.state = sending
		if d.overflow == Coalesce {
			return coalesce
		}
		d.pass.heapify()
	}
	p := d.pass
	p.batch = p.batch[:0]
	if d.overflow == Coalesce {
		p.take(h.limits.entries)
	} else if p.merge(h.limits.entries) && len(p.batch) == 0 {
		return d.retry()
	}
	if len(p.heads)+len(p.waiting) > 0 {
		d.cursor = p.batch[len(p.batch)-1].seq
		return ready
	}
	if d.gap != noGap && len(p.batch) == 0 && h.head > p.to {
		return d.retry() // what follows a gap is sent with it
	}
	d.cursor, d.state = max(d.cursor, p.to), upToDate
	switch {
	case len(p.batch) > 0 || d.gap != noGap:
		return ready
	case h.head > d.cursor:
		return again
	}
	return idle
}

// retry begins another pass, with the next lock.
func (d *delivery) retry() outcome {
	d.pass.retries++
	d.state = upToDate
	return again
}

// begin begins a pass to the present head.
func (d *delivery) begin(h *Hub) {
	if d.pass == nil {
		d.pass = passes.Get().(*pass)
	}
	d.pass.restart(h.head)
	d.state = gathering
}

// gather looks for entries to send, topic by topic. It reports whether it has looked at
// all topics.
func (d *delivery) gather(h *Hub) bool {
	p := d.pass
	for left := h.limits.work << p.retries; p.at < len(d.topics); p.at, p.from = p.at+1, 0 {
		if left -= topicCost; left < 0 {
			return false
		}
		t := &d.topics[p.at]
		if p.newLog {
			t.floor = 0
		}
		hist := h.history(t.topic)
		n := hist.after(max(d.cursor, p.from))
		if hist.trimmed > max(d.cursor, p.from, t.floor) {
			d.noteGap(tooSlow)
			t.floor = hist.trimmed
			if (d.served || p.retries > 0) && d.overflow != Coalesce {
				n += hist.len() / 2
			}
		}
		if d.overflow != Coalesce {
			if n < hist.next && hist.at(n).seq <= p.to {
				p.heads = append(p.heads, head{hist.at(n).seq, n, t.topic})
			}
			continue
		}
		for ; n < hist.next && hist.at(n).seq <= p.to; n++ {
			if left--; left < 0 {
				return false
			}
			p.waiting = append(p.waiting, hist.at(n))
			p.from = hist.at(n).seq
		}
	}
	return true
}

// done notes that what the last step found was sent.
func (d *delivery) done() {
	if d.pass != nil && len(d.pass.batch) > 0 {
		d.served, d.pass.retries = true, 0
	}
	d.gap = noGap
	d.release()
}

// release frees what only a pass needs.
func (d *delivery) release() {
	if d.state == upToDate && d.pass != nil {
		d.pass.free()
		d.pass = nil
	}
}
