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

// A Hub passes events on to every client that has subscribed to their topic.
//
// Publishing never waits for a client. An event is encoded once and put into
// the history of its topic; each subscriber has a cursor into that, and its
// own goroutine, the one of its handler, that writes what is new and flushes
// once. A client that does not read holds back no other: its cursor stays where
// it is, until the history moves past it and its [Overflow] applies, or until
// its write times out.
//
// Events get ids, under which a client that reconnects continues: see
// [Hub.Serve].
//
// The methods are safe for concurrent use.
//
// Publish puts an event into its topic and nudges the dispatcher, which wakes
// the subscribers of topics with something new (dispatch.go). Each takes the
// steps of its delivery (delivery.go) and flushes what they find
// (subscriber.go). With a backplane, publish goes to the log outside, and what
// comes back from there (feed.go) is what a topic gets.
type Hub struct {
	cfg   Config
	pace  pace
	start time.Time
	stats stats

	// Lock order: audience, mu, presence. Each is held for a bounded time:
	// loops over topics and subscribers let go of it every now and then.

	// The log. Subscribers read it while they hold mu for reading.
	mu        sync.RWMutex
	epoch     string
	life      uint32 // how many epochs there were
	head      uint64 // the seq of the latest entry
	tail      uint64 // the seq of the latest entry of the backplane when it was last asked
	floor     uint64 // entries up to here may be missing in any topic
	topics    map[string]*topic
	order     []*topic // the same, for sweeps
	forgotten forgotten
	noRing    ring
	fresh     []*topic // with entries the dispatcher has not seen
	allFresh  bool     // everything is news
	sweeping  bool     // a sweep is under way, or due

	// The audience. It has a lock of its own, so that waking all of them does
	// not hold up a publisher.
	audience    sync.Mutex
	admitted    int // those who wait for the backplane included
	clients     map[string]int
	subscribers []*subscriber
	dispatching bool
	closed      atomic.Bool   // set under both locks
	empty       chan struct{} // closed once closed and the last one has left
	kick        chan struct{} // there is something new

	feed     feed
	presence presence
}

// New returns a hub. It panics on a config that does not validate. A hub with
// a [Backplane] follows its log until [Hub.Shutdown].
func New(cfg Config) *Hub {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	h := &Hub{
		cfg:       cfg.withDefaults(),
		pace:      pace{batchEntries, stint},
		start:     time.Now(),
		epoch:     newEpoch(),
		topics:    make(map[string]*topic),
		forgotten: forgotten{seed: maphash.MakeSeed()},
		clients:   make(map[string]int),
		empty:     make(chan struct{}),
		kick:      make(chan struct{}, 1),
	}
	h.presence = presence{
		on:     h.cfg.Presence,
		tell:   h.cfg.OnPresence,
		fail:   func(v any) { h.log().Error("hub: OnPresence panicked", slog.Any("panic", v)) },
		topics: make(map[string]map[string]*attendance),
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
	if topic == presenceTopic {
		return "", errors.New("hub: the topic is one of the hub's own")
	}
	body, err := encodeBody(event)
	if err != nil {
		return "", err
	}
	if h.closed.Load() {
		return "", ErrClosed
	}
	if h.cfg.Backplane != nil {
		ctx, cancel := h.within(ctx)
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
	return Position{h.epoch, h.end()}.String()
}

// end returns the seq after which everything is new. While a hub fills its
// history from a backplane it is ahead of the head. The caller holds mu.
func (h *Hub) end() uint64 { return max(h.head, h.tail) }

// position is that of the latest entry. The caller holds mu.
func (h *Hub) position() Position { return Position{h.epoch, h.head} }

// append stores the event at its place in the log. The caller holds mu.
func (h *Hub) append(at Position, name string, event stream.Event, body []byte) {
	h.head = at.Seq
	t := h.topic(name)
	now := h.now()
	e := &entry{seq: at.Seq, topic: t, at: now, event: event, wire: withID(body, at)}
	h.renew(t)
	t.ring.add(e, h.cfg.History, int64(h.cfg.HistoryBytes))
	h.expire(t, now)
	if t.listeners > 0 && !t.isFresh {
		t.isFresh = true
		h.fresh = append(h.fresh, t)
	}
	h.stats.published.Add(1)
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
	if !h.closed.Swap(true) && h.admitted == 0 {
		close(h.empty)
	}
	h.allFresh = true
	h.mu.Unlock()
	h.audience.Unlock()
	h.nudge()
	if err := h.feed.stop(ctx); err != nil {
		return err
	}
	select {
	case <-h.empty:
	case <-ctx.Done():
		return ctx.Err()
	}
	if h.presence.dirty != nil {
		h.sendNews(ctx, h.cfg.PresenceExpiry/3) // they have all gone
	}
	return nil
}

func (h *Hub) log() *slog.Logger { return cmp.Or(h.cfg.Logger, slog.Default()) }
