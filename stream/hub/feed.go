package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// A feed keeps the log of a hub in step with its Backplane. It fills the rings from the
// log as far as that goes back, so that every process can serve a reconnecting client,
// and one subscription to the log is enough for a process.
type feed struct {
	cancel   context.CancelFunc
	work     sync.WaitGroup
	done     chan struct{} // closed when that has ended
	caughtUp chan struct{} // closed when the rings hold what the log did at the start
}

// follow starts following the backplane, if there is one.
func (h *Hub) follow() {
	if h.cfg.Backplane == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.epoch = "" // unknown until the backplane responds
	h.feed.cancel, h.feed.done, h.feed.caughtUp = cancel, make(chan struct{}), make(chan struct{})
	if p := &h.presence; p.on {
		p.node, p.dirty, p.kick, p.remotes = newEpoch(), make(map[string]bool), make(chan struct{}, 1), make(map[remoteTopic]*remote)
		h.feed.work.Go(func() { h.announce(ctx) })
	}
	h.feed.work.Go(func() { h.followLog(ctx) })
	go func() {
		h.feed.work.Wait()
		close(h.feed.done)
	}()
}

// stop stops following, and waits for the end until ctx is done.
func (f *feed) stop(ctx context.Context) error {
	if f.cancel == nil {
		return nil
	}
	f.cancel()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// patience is how long subscribers wait for the bounds of a backplane, and the
// BackplaneTimeout if that is 0.
const patience = 5 * time.Second

// within bounds an operation of the backplane. There is no circuit breaker as in a cache,
// which can run the handler instead: for an event there is no alternative.
func (h *Hub) within(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.cfg.BackplaneTimeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, h.cfg.BackplaneTimeout)
}

// ready waits until the hub knows what it can replay.
func (f *feed) ready(ctx context.Context) error {
	if f.caughtUp == nil {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case <-f.caughtUp:
		return nil
	case <-f.done:
		return ErrClosed
	case <-wait.Done():
		return &unavailableError{}
	}
}

// unavailableError refuses a subscriber while the log cannot be read.
type unavailableError struct{}

func (*unavailableError) Error() string       { return "hub: the backplane has not answered yet" }
func (*unavailableError) StatusCode() int     { return http.StatusServiceUnavailable }
func (*unavailableError) Header() http.Header { return http.Header{"Retry-After": {"5"}} }

func (h *Hub) followLog(ctx context.Context) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	for pause := shortest; ; {
		before := h.latest()
		err := h.followOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		h.log().LogAttrs(ctx, slog.LevelWarn,
			"hub: lost the backplane, trying again", slog.Any("error", err))
		if h.latest() != before {
			pause = shortest // it worked for a while
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

func (h *Hub) latest() Position {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.position()
}

// bounds asks the backplane for its bounds until it responds.
func (h *Hub) bounds(ctx context.Context) (last Position, forgotten uint64, err error) {
	ctx, cancel := h.within(ctx)
	defer cancel()
	return h.cfg.Backplane.Bounds(ctx)
}

func (h *Hub) followOnce(ctx context.Context) error {
	last, forgotten, err := h.bounds(ctx)
	if err != nil {
		return err
	}
	if !validEpoch(last.Epoch) {
		return fmt.Errorf("hub: the backplane has the epoch %q", last.Epoch)
	}
	h.mu.Lock()
	switch {
	case h.epoch != last.Epoch:
		h.restart(Position{last.Epoch, forgotten})
	case forgotten > h.head: // perhaps nothing is left, and no entry will show the hole
		h.skip(forgotten)
	}
	h.tail = last.Seq
	after := h.position()
	h.mu.Unlock()
	h.nudge()

	reached := func(at Position) {
		if at.Epoch == last.Epoch && at.Seq < last.Seq {
			return
		}
		select {
		case <-h.feed.caughtUp:
		default:
			close(h.feed.caughtUp)
		}
	}
	reached(after)
	err = h.cfg.Backplane.Subscribe(ctx, after, func(e Entry) {
		h.take(e)
		reached(h.latest())
	})
	if err == nil {
		err = errors.New("hub: Backplane.Subscribe returned without an error")
	}
	return err
}

// restart begins a log with nothing known up to the position. The history of topics
// belongs to another log from now on. The caller holds mu.
func (h *Hub) restart(at Position) {
	h.epoch, h.head, h.tail, h.floor = at.Epoch, at.Seq, at.Seq, at.Seq
	h.life++
	h.forgotten.last = [len(h.forgotten.last)]uint64{}
	h.allFresh = true
}

// skip counts entries that are not there, up to the seq, as missing. The caller holds mu.
func (h *Hub) skip(seq uint64) {
	h.head, h.floor = seq, seq
	h.allFresh = true
}

// take stores an entry of the backplane. It skips one whose position cannot be an id,
// which a correct backplane never delivers.
func (h *Hub) take(e Entry) {
	if !validEpoch(e.Epoch) || e.Seq == 0 {
		return
	}
	body, err := encodeBody(e.Event)
	news := false
	h.mu.Lock()
	if e.Epoch != h.epoch {
		h.restart(Position{e.Epoch, e.Seq - 1})
	}
	switch {
	case e.Seq <= h.head: // delivered before
	case err != nil: // not an event of a hub: it is missing for every subscriber
		h.skip(e.Seq)
	default:
		if e.Seq > h.head+1 {
			h.skip(e.Seq - 1)
		}
		if e.Topic == presenceTopic {
			h.head, news = e.Seq, true
			break
		}
		h.append(e.Position, e.Topic, e.Event, body)
	}
	h.mu.Unlock()
	h.nudge()
	if news {
		h.hearNews(e.Event.Data)
	}
}
