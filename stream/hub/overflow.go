package hub

import (
	"strconv"

	"github.com/apiece/apiece/stream"
)

// A Overflow says what becomes of a subscriber who is so far behind that events
// it has not been sent are dropped from the history of a topic. Events that a
// [Backplane] has lost are nobody's doing: whatever the policy, the subscriber
// is sent a [GapEvent] and goes on.
type Overflow int

const (
	// Disconnect ends the stream. An EventSource reconnects, and is told of
	// the gap then.
	Disconnect Overflow = iota
	// DropOldest goes on with the oldest event that is left, after an event
	// that tells of the gap.
	DropOldest
	// Coalesce sends, of the events of a topic that are waiting and have the same
	// [Subscription.Key], the latest alone. It is for values of which only the
	// present one counts: prices, positions, progress. Who is too far behind
	// even so is treated as by DropOldest.
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

// coalesce keeps of the entries with the same topic and key the last, in its
// place. An entry without a key stays.
func coalesce(entries []*entry, key func(stream.Event) string) []*entry {
	if len(entries) < 2 {
		return entries
	}
	type value struct {
		topic *topic
		key   string
	}
	latest := make(map[value]uint64, len(entries))
	values := make([]value, len(entries))
	for i, e := range entries {
		values[i] = value{e.topic, key(e.event)}
		latest[values[i]] = e.seq
	}
	kept := entries[:0]
	for i, e := range entries {
		if values[i].key == "" || latest[values[i]] == e.seq {
			kept = append(kept, e)
		}
	}
	clear(entries[len(kept):])
	return kept
}
