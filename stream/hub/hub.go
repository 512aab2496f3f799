package hub

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/stream"
)

// What happens to an event, from Publish to the wire.
//
//  1. Publish (hub.go) encodes it, all but its id, before any lock (encode.go).
//  2. With a Backplane (backplane.go) it is appended to the log there, and Publish returns.
//     It comes back, like those of other processes, to the follower (follow.go).
//  3. append (hub.go), under mu, gives it the next number of the log and puts it into the
//     history of its topic (topic.go, history.go). The topic is now dirty.
//  4. notify tells the wake loop (wake.go), which wakes the subscribers of dirty topics.
//     Publish has returned, without waiting for any of them.
//  5. On the goroutine of its handler each subscriber (subscriber.go) takes steps of its
//     delivery (delivery.go), each under mu for reading: collect what is after its cursor
//     (delivery_pass.go), decide what a slow one loses (overflow.go), note what is missing
//     (gap.go).
//  6. send (subscriber.go) puts the gap event and the batch into one write, without a lock
//     of the hub, and WriteAndFlush (internal/flush/conn.go) sends it with one flush and a
//     deadline.
//
// A subscriber comes and goes by Serve (serve.go): it is admitted and joins its topics
// (subscriber_join.go), and finds where it begins, by its last id (replay.go). Heartbeats
// are sent on wakeups too. Presence (presence.go) is told who comes and goes, and tells
// the other processes through the log (presence_announce.go).

// A Hub broadcasts events to all clients that have subscribed to their topic.
//
// Publishing never waits for a client. An event is encoded once and stored in the history
// of its topic; each subscriber has a cursor into that, and the goroutine of its handler
// writes what is new and flushes once. A slow client delays no other: its cursor stays
// where it is, until the history moves past it and its [Overflow] applies, or until its
// write times out.
//
// Events get ids, from which a reconnecting client continues: see [Hub.Serve].
//
// The methods are safe for concurrent use.
type Hub struct {
	cfg    Config
	limits stepLimits
	start  time.Time
	stats  stats

	// Lock order: subscribersMu, mu, presence.mu. Each is held for a bounded time: loops
	// over topics and subscribers release it at intervals.

	// The log. Subscribers read it while they hold mu for reading.
	mu         sync.RWMutex
	epoch      string
	generation uint32 // counts the epochs: one may come back
	head       uint64 // the seq of the latest entry
	tail       uint64 // the seq of the backplane's latest entry when last asked
	floor      uint64 // entries up to here may be missing in any topic
	topics     map[string]*topic
	order      []*topic // the same topics, for sweeps
	forgotten  forgotten
	noHistory  history
	dirty      []*topic // with entries that the wake loop has not seen
	allDirty   bool     // all topics are dirty
	sweeping   bool     // a sweep is running or scheduled

	// The subscribers. They have a lock of their own, so that waking all of them does not
	// block a publisher.
	subscribersMu   sync.Mutex
	admitted        int // including those that wait for the backplane
	clients         map[string]int
	subscribers     []*subscriber
	wakeLoopRunning bool
	closed          atomic.Bool   // set under both locks
	empty           chan struct{} // closed once the hub is closed and the last subscriber has left
	wakeup          chan struct{} // tells the wake loop that something is dirty

	follower follower
	presence presence
}

// New returns a hub. It panics if the config does not validate. A hub with a [Backplane]
// follows its log until [Hub.Shutdown].
func New(cfg Config) *Hub {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	h := &Hub{
		cfg:       cfg.withDefaults(),
		limits:    stepLimits{batchEntries, lockBudget},
		start:     time.Now(),
		epoch:     newEpoch(),
		topics:    make(map[string]*topic),
		forgotten: forgotten{seed: maphash.MakeSeed()},
		clients:   make(map[string]int),
		empty:     make(chan struct{}),
		wakeup:    make(chan struct{}, 1),
	}
	h.presence = presence{
		on:       h.cfg.Presence,
		callback: h.cfg.OnPresence,
		panicked: func(v any) { h.log().Error("apiece: hub: OnPresence panicked", slog.Any("panic", v)) },
		topics:   make(map[string]map[string]*attendance),
	}
	h.follow()
	return h
}

// Publish sends the event to the subscribers of the topic, in every process if there is a
// [Backplane], and returns its id. The event must not have an ID, and must not be empty.
// Publish does not wait for subscribers to receive it.
func (h *Hub) Publish(ctx context.Context, topic string, event stream.Event) (id string, err error) {
	if event.ID != "" {
		return "", errors.New("hub: a published event has an ID: the hub gives it one")
	}
	if topic == presenceTopic {
		return "", errors.New("hub: the topic is one of the hub's own")
	}
	body, err := encodeBody(event)
	if err != nil {
		return "", err
	}
	if h.cfg.Backplane != nil { // even after Shutdown: other processes have subscribers
		ctx, cancel := h.withBackplaneTimeout(ctx)
		defer cancel()
		at, err := h.cfg.Backplane.Append(ctx, topic, event)
		if err != nil {
			return "", err
		}
		return at.String(), nil
	}
	h.mu.Lock()
	if h.closed.Load() {
		h.mu.Unlock()
		return "", ErrClosed
	}
	at := Position{h.epoch, h.head + 1}
	h.append(at, topic, event, body)
	h.mu.Unlock()
	h.notify()
	return at.String(), nil
}

// LastEventID returns the id of the latest event. A client that gets the current state
// together with this id, and subscribes with it, misses nothing in between: see
// [Subscription.LastEventID].
//
// Before a [Backplane] has first responded the id belongs to no log: a client that
// subscribes with it receives a [GapEvent], and the events there are.
func (h *Hub) LastEventID() string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Position{h.epoch, h.end()}.String()
}

// end returns the seq after which everything is new. It is ahead of the head while a hub
// fills its history from a backplane. The caller holds mu.
func (h *Hub) end() uint64 { return max(h.head, h.tail) }

// position returns that of the latest entry. The caller holds mu.
func (h *Hub) position() Position { return Position{h.epoch, h.head} }

// append stores the event at its place in the log. The caller holds mu.
func (h *Hub) append(at Position, name string, event stream.Event, body []byte) {
	h.head = at.Seq
	t := h.topic(name)
	now := h.now()
	e := &entry{seq: at.Seq, topic: t, at: now, event: event, wire: withID(body, at)}
	h.renew(t)
	t.history.add(e, h.cfg.MaxHistory, int64(h.cfg.HistoryLimit))
	h.expire(t, now)
	if t.listeners > 0 && !t.isDirty {
		t.isDirty = true
		h.dirty = append(h.dirty, t)
	}
	h.stats.published.Add(1)
}

// now returns the time in one word per entry.
func (h *Hub) now() time.Duration { return time.Since(h.start) }

// Shutdown ends the hub: subscribers are sent what they have not received yet, and their
// streams end normally. It returns when the last one is gone, or with the error of ctx.
// Later subscriptions end as soon as they have begun, so that an EventSource tries
// another server. Publish goes on to append to a [Backplane], for the subscribers of
// other processes, and without one returns [ErrClosed].
//
// A client that does not read holds it up for as long as [Config.WriteTimeout], and keeps
// its connection if ctx is done before that. http.Server.Shutdown waits for open streams
// but does not end them: start this by http.Server.RegisterOnShutdown, and call
// http.Server.Close last.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.subscribersMu.Lock()
	h.mu.Lock()
	if !h.closed.Swap(true) && h.admitted == 0 {
		close(h.empty)
	}
	h.allDirty = true
	h.mu.Unlock()
	h.subscribersMu.Unlock()
	h.notify()
	if err := h.follower.stop(ctx); err != nil {
		return err
	}
	select {
	case <-h.empty:
	case <-ctx.Done():
		return ctx.Err()
	}
	if h.presence.dirty != nil {
		h.sendAnnouncements(ctx, h.cfg.PresenceExpiry/3) // all clients have left
	}
	return nil
}

func (h *Hub) log() *slog.Logger { return cmp.Or(h.cfg.Logger, slog.Default()) }
