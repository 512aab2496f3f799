package hub

import (
	"cmp"
	"slices"
)

// seek finds where the client wants to begin: after the event with the id, or
// if it has none with the latest events, as many as it asks for.
func (s *subscriber) seek(id string, events int) {
	h := s.hub
	h.mu.RLock()
	s.epoch, s.cursor, s.floor = h.epoch, h.end(), h.floor
	at, ok := parsePosition(id)
	switch {
	case id == "":
	case ok && at.Epoch == h.epoch && (at.Seq <= h.end() || h.cfg.Backplane != nil):
		// It may be ahead: of the hubs that share a log, the one it comes from
		// has heard more. This one will, and sends what is after it.
		s.cursor, s.floor, events = at.Seq, 0, 0
	default:
		// It is from another life, or made up. What there is of this one is new to
		// the client, within the bound of one history.
		s.gap, events = otherLog, h.cfg.History
	}
	h.mu.RUnlock()
	if events != 0 {
		s.rewind(events)
	}
	s.gapAt = s.cursor
}

// rewind puts the cursor before the latest n events of the topics, all if n is
// negative. What is missing before them was not asked for.
func (s *subscriber) rewind(n int) {
	var newest []uint64 // at least those that are among the latest n
	beyond := uint64(0) // what is not after it is not among them
	for topics := range slices.Chunk(s.topics, 16) {
		s.hub.mu.RLock()
		for i := range topics {
			m := &topics[i]
			r := s.hub.ring(m.topic)
			m.floor = r.trimmed
			for i := r.next - 1; i >= max(r.first, r.next-n) && r.at(i).seq > beyond; i-- {
				newest = append(newest, r.at(i).seq)
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
