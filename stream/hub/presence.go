package hub

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// A presence tracks who listens to which topic: the clients of this process, and those
// that other processes have announced (announce.go). Its lock is the last of the hub's,
// and no callback runs under it.
type presence struct {
	on   bool
	tell func(topic, client string, present bool)
	fail func(any) // what tell panicked with

	mu      sync.Mutex
	topics  map[string]map[string]*attendance // by topic and client
	changed []pair                            // tell may not know about them
	telling bool                              // a goroutine goes through changed

	node    string
	dirty   map[string]bool // topics to announce
	kick    chan struct{}   // signals that dirty is not empty
	remotes map[remoteTopic]*remote
}

// attendance is one client at one topic.
type attendance struct {
	here      int  // its subscriptions in this process
	elsewhere int  // other processes with some
	told      bool // what tell knows
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

// move counts a subscription of the client to the topics in (by 1) or out (-1).
func (p *presence) move(topics []membership, client string, by int) {
	if !p.on || client == "" {
		return
	}
	for some := range slices.Chunk(topics, stint/costOfTopic) {
		p.mu.Lock()
		for i := range some {
			name := some[i].name // not the place, which others change as they leave
			a := p.attendance(name, client)
			before := a.here > 0
			a.here += by
			if before != (a.here > 0) && p.dirty != nil {
				p.dirty[name] = true
			}
			p.touch(name, client, a)
		}
		p.mu.Unlock()
	}
	if p.kick != nil {
		select {
		case p.kick <- struct{}{}:
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

// touch schedules a call of tell if the presence has changed, and drops an attendance
// without information. The caller holds mu.
func (p *presence) touch(topic, client string, a *attendance) {
	if p.tell == nil {
		a.told = a.present()
	}
	switch {
	case a.queued:
	case a.told != a.present():
		a.queued = true
		p.changed = append(p.changed, pair{topic, client})
		if !p.telling {
			p.telling = true
			go p.tellAll()
		}
	case !a.told:
		delete(p.topics[topic], client)
		if len(p.topics[topic]) == 0 {
			delete(p.topics, topic)
		}
	}
}

// tellAll calls tell for each change. A change that is undone by its turn is skipped:
// however slow tell is, the number of clients bounds the queue.
func (p *presence) tellAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		// A callback can end its goroutine, as t.Fatal does. Another goes on.
		if p.telling = len(p.changed) > 0; p.telling {
			go p.tellAll()
		}
	}()
	for len(p.changed) > 0 {
		c := p.changed[0]
		p.changed = p.changed[1:]
		p.tellOne(c)
	}
	p.changed = nil // frees its memory
}

// tellOne calls tell if the client has come or gone. The caller holds mu, which is
// released meanwhile.
func (p *presence) tellOne(c pair) {
	a := p.topics[c.topic][c.client]
	a.queued = false
	defer func() {
		// It may have changed or been dropped meanwhile.
		if p.topics[c.topic][c.client] == a {
			p.touch(c.topic, c.client, a)
		}
	}()
	present := a.present()
	if present == a.told {
		return
	}
	a.told = present
	p.mu.Unlock()
	defer p.mu.Lock()
	defer func() {
		if v := recover(); v != nil {
			p.fail(v)
		}
	}()
	p.tell(c.topic, c.client, present)
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

// hear notes what another process says about a topic: exactly these clients. The caller
// holds mu.
func (p *presence) hear(of remoteTopic, clients []string, until time.Duration) {
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
			p.hear(of, nil, 0)
		}
	}
}
