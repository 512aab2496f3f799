package hub

// GapEvent is the name of the event that tells a client that it has missed some. Its data
// is a JSON object; "after" is the id after which events are missing, "" if unknown. A
// client should then reload its state.
const GapEvent = "gap"

// gap is the data of a GapEvent.
type gap struct {
	After string `json:"after"`
}

// A gapKind is why events are missing for a subscriber.
type gapKind uint8

const (
	noGap    gapKind = iota
	hole             // the log has lost some, for all subscribers
	tooSlow          // the history has moved past its cursor
	otherLog         // the log was lost, and with it what the cursor meant
)

// noteGap notes that there is a hole after the cursor.
func (d *delivery) noteGap(gap gapKind) {
	d.gap, d.gapAt = max(d.gap, gap), d.cursor
}

// appendGap appends the event that reports missing events. Its id is where the client
// was: everything after that is still to be sent.
func (s *subscriber) appendGap(dst []byte) []byte {
	s.hub.stats.gaps.Add(1)
	dst = s.appendID(dst, s.gapAt)
	dst = append(dst, "event: "+GapEvent+"\ndata: {\"after\":\""...)
	if s.gap != otherLog {
		dst = Position{s.epoch, s.gapAt}.appendTo(dst) // nothing to escape
	}
	return append(dst, "\"}\n\n"...)
}
