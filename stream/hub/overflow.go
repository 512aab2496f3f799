package hub

import (
	"cmp"
	"slices"
	"strconv"
)

// An Overflow says what happens to a subscriber that is so slow that events it has not
// received are dropped from the history of a topic. It does not apply to events that a
// [Backplane] has lost: the subscriber then always receives a [GapEvent] and goes on.
type Overflow uint8

const (
	// Disconnect ends the stream, once it has sent something. An EventSource reconnects,
	// and then receives the gap event.
	Disconnect Overflow = iota
	// DropOldest goes on in the middle of the remaining history, after a gap event: a
	// client that is only slow receives at most one for every half of a history.
	DropOldest
	// Coalesce sends only the latest of the waiting events of a topic that have the same
	// [Subscription.Key]. It is for values of which only the current one counts: prices,
	// positions, progress. A subscriber that still falls too far behind is treated as
	// with DropOldest. An event that a later one has replaced stays replaced, even if the
	// later one is then among those that a gap event reports missing.
	Coalesce
)

// String returns the name of the constant.
func (o Overflow) String() string {
	switch o {
	case Disconnect:
		return "Disconnect"
	case DropOldest:
		return "DropOldest"
	case Coalesce:
		return "Coalesce"
	}
	return "Overflow(" + strconv.Itoa(int(o)) + ")"
}

// coalesce keeps only the last of the waiting entries with the same topic and key, in its
// place, and returns how many it dropped. An entry without a key stays.
func (p *pass) coalesce(key func(*entry) string) (dropped int) {
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
	dropped = len(p.waiting) - len(kept)
	clear(p.waiting[len(kept):])
	p.waiting = kept
	return dropped
}
