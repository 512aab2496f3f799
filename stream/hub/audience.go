package hub

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A membership is one topic of a subscriber, a member one subscriber of a topic. Each
// knows its place in the other's list, so that leaving takes constant time for any
// audience.
type (
	membership struct {
		*topic
		place int
		floor uint64 // it knows that entries up to here are missing
	}
	member struct {
		*subscriber
		place int
	}
)

// admit counts s in, or refuses it. Subscribers that wait for the backplane count.
func (s *subscriber) admit() error {
	h := s.hub
	h.audience.Lock()
	defer h.audience.Unlock()
	if h.closed.Load() {
		return ErrClosed
	}
	if most := h.cfg.MaxSubscribers; most > 0 && h.admitted >= most {
		return h.full("too many subscribers")
	}
	if most := h.cfg.MaxPerClient; most > 0 && s.client != "" {
		if h.clients[s.client] >= most {
			return h.full("too many subscribers of one client")
		}
		h.clients[s.client]++
	}
	h.admitted++
	s.admitted = true
	return nil
}

// dismiss undoes admit.
func (s *subscriber) dismiss() {
	h := s.hub
	h.audience.Lock()
	defer h.audience.Unlock()
	if !s.admitted {
		return
	}
	if s.client != "" && h.cfg.MaxPerClient > 0 {
		if h.clients[s.client]--; h.clients[s.client] == 0 {
			delete(h.clients, s.client)
		}
	}
	if h.admitted--; h.admitted == 0 && h.closed.Load() {
		close(h.empty)
	}
}

// join adds s to the audience. It takes the locks once for every few topics; s is sent
// nothing before it has joined them all.
func (s *subscriber) join(names []string) error {
	h := s.hub
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	s.topics = make([]membership, 0, len(names))
	h.audience.Lock()
	defer h.audience.Unlock()
	if h.closed.Load() {
		return ErrClosed
	}
	if age := h.cfg.MaxAge; age > 0 {
		s.expires = h.now() + age - rand.N(age/10+1)
	}
	s.quiet.Store(int64(h.now()))
	s.signal = make(chan struct{}, 1)
	s.place = len(h.subscribers)
	h.subscribers = append(h.subscribers, s)
	if !h.dispatching {
		h.dispatching = true
		go h.dispatch()
	}
	for some := range slices.Chunk(names, stint/costOfTopic) {
		h.mu.Lock()
		now := h.now()
		for _, name := range some {
			t := h.topic(name)
			t.listeners++
			h.expire(t, now)
			t.members = append(t.members, member{s, len(s.topics)})
			s.topics = append(s.topics, membership{t, len(t.members) - 1, 0})
		}
		h.mu.Unlock()
		if len(s.topics) < len(names) {
			h.audience.Unlock()
			h.audience.Lock()
		}
	}
	return nil
}

// leave undoes join.
func (s *subscriber) leave() {
	h := s.hub
	if s.signal == nil {
		return // it never joined
	}
	h.presence.move(s.topics, s.client, -1)
	h.audience.Lock()
	defer h.audience.Unlock()
	for len(s.topics) > 0 {
		h.mu.Lock()
		for left := stint / costOfTopic; left > 0 && len(s.topics) > 0; left-- {
			m := s.topics[len(s.topics)-1]
			m.listeners--
			last := m.members[len(m.members)-1]
			last.topics[last.place].place = m.place
			m.members[m.place] = last
			m.members[len(m.members)-1] = member{}
			m.members = m.members[:len(m.members)-1]
			s.topics = s.topics[:len(s.topics)-1]
			h.forget(m.topic)
		}
		h.mu.Unlock()
		if len(s.topics) > 0 {
			h.audience.Unlock()
			h.audience.Lock()
		}
	}
	last := h.subscribers[len(h.subscribers)-1]
	last.place = s.place
	h.subscribers[s.place] = last
	h.subscribers[len(h.subscribers)-1] = nil
	h.subscribers = h.subscribers[:len(h.subscribers)-1]
	if len(h.subscribers) == 0 {
		h.nudge() // the dispatcher has nothing left to do
	}
}

// fullError refuses a subscriber for lack of room.
type fullError struct {
	reason     string
	retryAfter time.Duration
}

func (h *Hub) full(reason string) error {
	h.stats.refused.Add(1)
	// Jittered, like Retry, so that clients refused at the same time do not retry at the
	// same time.
	return &fullError{reason, 5*time.Second + rand.N(10*time.Second)}
}

func (e *fullError) Error() string   { return "hub: " + e.reason }
func (e *fullError) StatusCode() int { return http.StatusServiceUnavailable }
func (e *fullError) Header() http.Header {
	seconds := strconv.Itoa(int(e.retryAfter / time.Second))
	return http.Header{"Retry-After": {seconds}}
}
