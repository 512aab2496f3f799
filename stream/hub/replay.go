package hub

import (
	"cmp"
	"slices"
)

// seek finds where the client begins: after the event with the id, or without an id at
// the latest events, as many as it asks for.
func (s *subscriber) seek(id string, events int) {
	h := s.hub
	h.mu.RLock()
	s.generation, s.epoch, s.cursor, s.floor = h.generation, h.epoch, h.end(), h.floor
	at, ok := parsePosition(id)
	switch {
	case id == "":
	case ok && at.Epoch == h.epoch && (at.Seq <= h.end() || h.cfg.Backplane != nil):
		// It may be ahead: another hub of the log has received more. This one will, and
		// sends what comes after.
		s.cursor, s.floor, events = at.Seq, 0, 0
	default:
		// The id is from another epoch, or made up: nothing in this log was seen. Send
		// what one history may hold.
		s.gap, events = otherLog, h.cfg.MaxHistory
	}
	h.mu.RUnlock()
	if events != 0 {
		s.rewind(events)
	}
	s.gapAt = s.cursor
}

// rewind puts the cursor before the latest n events of the topics, before all if n is
// negative. Entries missing before them were not asked for.
func (s *subscriber) rewind(n int) {
	var newest []uint64 // the latest n are after the smallest of these
	beyond := uint64(0) // entries up to here are not among the latest n
	for topics := range slices.Chunk(s.topics, 16) {
		s.hub.mu.RLock()
		for i := range topics {
			t := &topics[i]
			hist := s.hub.history(t.topic)
			t.floor = hist.trimmed
			for i := hist.next - 1; i >= max(hist.first, hist.next-n) && hist.at(i).seq > beyond; i-- {
				newest = append(newest, hist.at(i).seq)
			}
		}
		s.hub.mu.RUnlock()
		if n >= 0 && len(newest) > n {
			slices.SortFunc(newest, func(a, b uint64) int { return cmp.Compare(b, a) })
			newest = newest[:n]
			beyond = newest[n-1] - 1
		}
	}
	s.cursor = beyond
}
