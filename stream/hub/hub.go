package hub

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/stream"
)

// A Hub passes events on to every client that has subscribed to their topic.
//
// Publishing never waits for a client. An event is encoded once and put into
// the history of its topic; each subscriber has a cursor into that, and its
// own goroutine, the one of its handler, that writes what is new and flushes
// once. A client that does not read holds back nobody: its cursor stays where
// it is, until the history moves past it and its [Overflow] applies, or until
// its write times out.
//
// Events get ids, under which a client that reconnects continues: see
// [Hub.Serve].
//
// The methods are safe for concurrent use.
type Hub struct {
	cfg   Config
	start time.Time
	stats stats

	// The log. Subscribers read it while they hold mu for reading.
	mu        sync.RWMutex
	epoch     string
	head      uint64 // the seq of the latest entry
	floor     uint64 // entries up to here may be missing in any topic
	forgotten uint64 // no topic that was forgotten had an entry after this
	topics    map[string]*topic
	fresh     []*topic // with entries the dispatcher has not seen
	swept     time.Duration

	// The audience. It has a lock of its own, so that waking all of them does
	// not hold up a publisher. Where both are held, audience comes first.
	audience    sync.Mutex
	subscribers []*subscriber
	clients     map[string]int
	dispatching bool
	closed      atomic.Bool   // set under both locks
	empty       chan struct{} // closed once closed and the last one has left
	kick        chan struct{} // there is something in fresh

	feed feed
}

// New returns a hub. It panics on a config that does not validate. A hub with
// a [Backplane] follows its log until [Hub.Shutdown].
func New(cfg Config) *Hub {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	h := &Hub{
		cfg:     cfg.withDefaults(),
		start:   time.Now(),
		epoch:   newEpoch(),
		topics:  make(map[string]*topic),
		clients: make(map[string]int),
		empty:   make(chan struct{}),
		kick:    make(chan struct{}, 1),
	}
	h.follow()
	return h
}

// ErrClosed is returned by [Hub.Publish] after [Hub.Shutdown].
var ErrClosed = errors.New("hub: hub is shut down")

// Publish sends the event to the subscribers of the topic, those of every
// process if there is a [Backplane], and returns the id it was given. The
// event must not have an ID of its own, and must have something to send.
// Publish does not wait for anybody to receive it.
func (h *Hub) Publish(ctx context.Context, topic string, event stream.Event) (id string, err error) {
	if event.ID != "" {
		return "", errors.New("hub: a published event has an ID: the hub gives it one")
	}
	body, err := encodeBody(event)
	if err != nil {
		return "", err
	}
	if h.closed.Load() {
		return "", ErrClosed
	}
	if h.cfg.Backplane != nil {
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
	h.nudge()
	return at.String(), nil
}

// LastEventID returns the id of the latest event. A client that is given the
// present state together with this id, and subscribes with it, misses nothing
// that happens in between: see [Subscription.LastEventID].
//
// Before a [Backplane] has answered for the first time the id is one of no log:
// a client that subscribes with it is sent a [GapEvent], and what there is.
func (h *Hub) LastEventID() string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.position().String()
}

func (h *Hub) position() Position { return Position{h.epoch, h.head} }

// append stores the event at its place in the log. The caller holds mu.
func (h *Hub) append(at Position, name string, event stream.Event, body []byte) {
	h.head = at.Seq
	t := h.topic(name)
	now := h.now()
	e := &entry{seq: at.Seq, topic: t, at: now, event: event, wire: withID(body, at)}
	t.ring.add(e, h.cfg.History, int64(h.cfg.HistoryBytes))
	h.expire(t, now)
	if t.listeners > 0 && !t.isFresh {
		t.isFresh = true
		h.fresh = append(h.fresh, t)
	}
	h.stats.published.Add(1)
	h.sweep(now)
}

// now is the time in a form that costs an entry one word.
func (h *Hub) now() time.Duration { return time.Since(h.start) }

// Shutdown ends the hub: subscribers are sent what they have not received yet,
// and their streams end in good order. It returns when the last one is gone, or
// with the error of ctx. Later subscriptions end as soon as they have begun,
// so that an EventSource tries again elsewhere, and Publish returns
// [ErrClosed].
//
// http.Server.Shutdown waits for open streams but does not end them. Call this
// first, or register it with http.Server.RegisterOnShutdown.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.audience.Lock()
	h.mu.Lock()
	if !h.closed.Swap(true) && len(h.subscribers) == 0 {
		close(h.empty)
	}
	h.mu.Unlock()
	for _, s := range h.subscribers {
		s.wake()
	}
	h.audience.Unlock()
	if err := h.feed.stop(ctx); err != nil {
		return err
	}
	select {
	case <-h.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
