package hub

import (
	"math/rand/v2"
	"slices"
)

// A subscribedTopic is one topic of a subscriber, a topicSubscriber one subscriber of a
// topic. Each knows its index in the other's list, so that leaving takes constant time
// however many subscribers there are.
type (
	subscribedTopic struct {
		*topic
		index int
		floor uint64 // it knows that entries up to here are missing
	}
	topicSubscriber struct {
		*subscriber
		index int
	}
)

// admit counts s in, or refuses it. Subscribers that wait for the backplane count.
func (s *subscriber) admit() error {
	h := s.hub
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
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
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
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

// join adds s to the hub and to its topics. It takes the locks once for every few topics;
// s is sent nothing before it has joined them all.
func (s *subscriber) join(names []string) error {
	h := s.hub
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	s.topics = make([]subscribedTopic, 0, len(names))
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
	if h.closed.Load() {
		return ErrClosed
	}
	if age := h.cfg.MaxAge; age > 0 {
		s.expires = h.now() + age - rand.N(age/10+1)
	}
	s.lastSent.Store(int64(h.now()))
	s.signal = make(chan struct{}, 1)
	s.index = len(h.subscribers)
	h.subscribers = append(h.subscribers, s)
	if !h.wakeLoopRunning {
		h.wakeLoopRunning = true
		go h.wakeLoop()
	}
	for some := range slices.Chunk(names, lockBudget/topicCost) {
		h.mu.Lock()
		now := h.now()
		for _, name := range some {
			t := h.topic(name)
			t.listeners++
			h.expire(t, now)
			t.subscribers = append(t.subscribers, topicSubscriber{s, len(s.topics)})
			s.topics = append(s.topics, subscribedTopic{t, len(t.subscribers) - 1, 0})
		}
		h.mu.Unlock()
		if len(s.topics) < len(names) {
			h.subscribersMu.Unlock()
			h.subscribersMu.Lock()
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
	h.presence.add(s.topics, s.client, -1)
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
	for len(s.topics) > 0 {
		h.mu.Lock()
		for left := lockBudget / topicCost; left > 0 && len(s.topics) > 0; left-- {
			t := s.topics[len(s.topics)-1]
			t.listeners--
			last := t.subscribers[len(t.subscribers)-1]
			last.topics[last.index].index = t.index
			t.subscribers[t.index] = last
			t.subscribers[len(t.subscribers)-1] = topicSubscriber{}
			t.subscribers = t.subscribers[:len(t.subscribers)-1]
			s.topics = s.topics[:len(s.topics)-1]
			h.forget(t.topic)
		}
		h.mu.Unlock()
		if len(s.topics) > 0 {
			h.subscribersMu.Unlock()
			h.subscribersMu.Lock()
		}
	}
	last := h.subscribers[len(h.subscribers)-1]
	last.index = s.index
	h.subscribers[s.index] = last
	h.subscribers[len(h.subscribers)-1] = nil
	h.subscribers = h.subscribers[:len(h.subscribers)-1]
	if len(h.subscribers) == 0 {
		h.notify() // the wake loop has nothing left to do
	}
}
