package hub

import "strconv"

// An Overflow says what becomes of a subscriber who is so far behind that events
// it has not been sent are dropped from the history of a topic. Events that a
// [Backplane] has lost are not its doing: whatever its Overflow, the subscriber
// is sent a [GapEvent] and goes on.
type Overflow uint8

const (
	// Disconnect ends the stream, once it has sent something. An EventSource
	// reconnects, and is told of the gap then.
	Disconnect Overflow = iota
	// DropOldest goes on in the middle of the history that is left, after an
	// event that tells of the gap: a client that is only slow is told of one at
	// most for every half of a history.
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
