package hub

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A presence tracks who listens to which topic: the clients of this process, and those
// that other processes have announced (presence_announce.go). Its lock is the last of the
// hub's, and no callback runs under it.
type presence struct {
	on       bool
	callback func(topic, client string, present bool)
	panicked func(any) // is given what the callback panicked with

	mu        sync.Mutex
	topics    map[string]map[string]*attendance // by topic and client
	changed   []pair                            // the callback may not know about them
	reporting bool                              // a goroutine goes through changed

	node    string
	dirty   map[string]bool // topics to announce
	wakeup  chan struct{}   // signals that dirty is not empty
	remotes map[remoteTopic]*remote
}

// attendance is one client at one topic.
type attendance struct {
	here      int  // its subscriptions in this process
	elsewhere int  // other processes with some
	reported  bool // what the callback knows
	queued    bool // is in changed
}

type pair struct{ topic, client string }

// present reports whether the client is there.
func (a *attendance) present() bool { return a.here+a.elsewhere > 0 }

// Present returns the clients that listen to the topic, sorted, each once, as named by
// [Subscription.Client]. It is nil unless [Config.Presence] is set.
//
// In one process it is exact: a client is present from the time it is subscribed until
// its last stream has ended. With a [Backplane] it is the union of all processes, whose
// news arrives within a second or two; a process that has crashed or cannot reach the
// backplane is left out after [Config.PresenceExpiry].
func (h *Hub) Present(topic string) (clients []string) {
	p := &h.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	for client, a := range p.topics[topic] {
		if a.present() {
			clients = append(clients, client)
		}
	}
	slices.Sort(clients)
	return clients
}

// add counts delta, 1 or -1, subscriptions of the client to each of the topics.
func (p *presence) add(topics []subscribedTopic, client string, delta int) {
	if !p.on || client == "" {
		return
	}
	for some := range slices.Chunk(topics, lockBudget/topicCost) {
		p.mu.Lock()
		for i := range some {
			name := some[i].name // not the index, which others change as they leave
			a := p.attendance(name, client)
			before := a.here > 0
			a.here += delta
			if before != (a.here > 0) && p.dirty != nil {
				p.dirty[name] = true
			}
			p.touch(name, client, a)
		}
		p.mu.Unlock()
	}
	if p.wakeup != nil {
		select {
		case p.wakeup <- struct{}{}:
		default:
		}
	}
}

// attendance returns that of the client, and makes it if necessary. The caller holds mu,
// and calls touch.
func (p *presence) attendance(topic, client string) *attendance {
	clients := p.topics[topic]
	if clients == nil {
		clients = make(map[string]*attendance)
		p.topics[topic] = clients
	}
	a := clients[client]
	if a == nil {
		a = new(attendance)
		clients[client] = a
	}
	return a
}

// touch schedules a call of the callback if the presence has changed, and drops an
// attendance without information. The caller holds mu.
func (p *presence) touch(topic, client string, a *attendance) {
	if p.callback == nil {
		a.reported = a.present()
	}
	switch {
	case a.queued:
	case a.reported != a.present():
		a.queued = true
		p.changed = append(p.changed, pair{topic, client})
		if !p.reporting {
			p.reporting = true
			go p.reportAll()
		}
	case !a.reported:
		delete(p.topics[topic], client)
		if len(p.topics[topic]) == 0 {
			delete(p.topics, topic)
		}
	}
}

// reportAll reports each change. A change that is undone by its turn is skipped: however
// slow the callback is, the number of clients bounds the queue.
func (p *presence) reportAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		// A callback can end its goroutine, as t.Fatal does. Another goes on.
		if p.reporting = len(p.changed) > 0; p.reporting {
			go p.reportAll()
		}
	}()
	for len(p.changed) > 0 {
		c := p.changed[0]
		p.changed = p.changed[1:]
		p.report(c)
	}
	p.changed = nil // frees its memory
}

// report calls the callback if the client has come or gone. The caller holds mu, which is
// released meanwhile.
func (p *presence) report(c pair) {
	a := p.topics[c.topic][c.client]
	a.queued = false
	defer func() {
		// It may have changed or been dropped meanwhile.
		if p.topics[c.topic][c.client] == a {
			p.touch(c.topic, c.client, a)
		}
	}()
	present := a.present()
	if present == a.reported {
		return
	}
	a.reported = present
	p.mu.Unlock()
	defer p.mu.Lock()
	defer func() {
		if v := recover(); v != nil {
			p.panicked(v)
		}
	}()
	p.callback(c.topic, c.client, present)
}

// here returns the clients of this process that listen to the topic. The caller
// holds mu.
func (p *presence) here(topic string) (clients []string) {
	for client, a := range p.topics[topic] {
		if a.here > 0 {
			clients = append(clients, client)
		}
	}
	slices.Sort(clients)
	return clients
}

// A remote is what another process has announced about a topic.
type (
	remoteTopic struct{ node, topic string }
	remote      struct {
		clients []string
		until   time.Duration // on the clock of the hub
	}
)

// setRemote notes what another process says about a topic: exactly these clients. The
// caller holds mu.
func (p *presence) setRemote(of remoteTopic, clients []string, until time.Duration) {
	r := p.remotes[of]
	if r == nil {
		r = new(remote)
		p.remotes[of] = r
	}
	old := r.clients
	r.clients, r.until = clients, until
	for _, client := range clients {
		p.attendance(of.topic, client).elsewhere++
	}
	for _, client := range old {
		p.attendance(of.topic, client).elsewhere--
	}
	for _, client := range slices.Concat(old, clients) {
		p.touch(of.topic, client, p.attendance(of.topic, client))
	}
	if len(clients) == 0 {
		delete(p.remotes, of)
	}
}

// expire drops what has not been announced for too long.
func (p *presence) expire(now time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, of := range slices.Collect(maps.Keys(p.remotes)) {
		if p.remotes[of].until < now {
			p.setRemote(of, nil, 0)
		}
	}
}
