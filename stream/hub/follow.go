package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A follower keeps the log of a hub in step with its Backplane. It fills the histories
// from that as far as it goes back, so that every process can serve a reconnecting
// client, and one subscription to the Backplane is enough for a process.
type follower struct {
	cancel   context.CancelFunc
	work     sync.WaitGroup
	done     chan struct{} // closed when that has ended
	caughtUp chan struct{} // closed when the histories hold what the log did at the start
}

// follow starts following the backplane, if there is one.
func (h *Hub) follow() {
	if h.cfg.Backplane == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.epoch = "" // unknown until the backplane responds
	h.follower.cancel, h.follower.done, h.follower.caughtUp = cancel, make(chan struct{}), make(chan struct{})
	if p := &h.presence; p.on {
		p.node, p.dirty, p.wakeup, p.remotes = newEpoch(), make(map[string]bool), make(chan struct{}, 1), make(map[remoteTopic]*remote)
		h.follower.work.Go(func() { h.announce(ctx) })
	}
	h.follower.work.Go(func() { h.followLog(ctx) })
	go func() {
		h.follower.work.Wait()
		close(h.follower.done)
	}()
}

// stop stops following, and waits for the end until ctx is done.
func (f *follower) stop(ctx context.Context) error {
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

// withBackplaneTimeout bounds an operation of the backplane. There is no circuit breaker
// as in a cache, which can run the handler instead: for an event there is no alternative.
func (h *Hub) withBackplaneTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.cfg.BackplaneTimeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, h.cfg.BackplaneTimeout)
}

// ready waits until the hub knows what it can replay.
func (f *follower) ready(ctx context.Context) error {
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

func (h *Hub) followLog(ctx context.Context) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	var lost time.Time // zero while the backplane responds
	responds := func() {
		if !lost.IsZero() {
			h.log().LogAttrs(ctx, slog.LevelInfo,
				"apiece: hub: the backplane responds again", slog.Duration("after", time.Since(lost)))
			lost = time.Time{}
		}
	}
	for pause := shortest; ; {
		before := h.latest()
		err := h.followOnce(ctx, responds)
		if ctx.Err() != nil {
			return
		}
		if lost.IsZero() { // one record for a change of state, not for an attempt
			lost = time.Now()
			h.log().LogAttrs(ctx, slog.LevelWarn,
				"apiece: hub: lost the backplane, trying again", slog.Any("error", err))
		}
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
	ctx, cancel := h.withBackplaneTimeout(ctx)
	defer cancel()
	return h.cfg.Backplane.Bounds(ctx)
}

// followOnce follows the log until that fails. It calls responds once the backplane has
// told its bounds.
func (h *Hub) followOnce(ctx context.Context, responds func()) error {
	last, forgotten, err := h.bounds(ctx)
	if err != nil {
		return err
	}
	if !validEpoch(last.Epoch) {
		return fmt.Errorf("hub: the backplane has the epoch %q", last.Epoch)
	}
	responds()
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
	h.notify()

	reached := func(at Position) {
		if at.Epoch == last.Epoch && at.Seq < last.Seq {
			return
		}
		select {
		case <-h.follower.caughtUp:
		default:
			close(h.follower.caughtUp)
		}
	}
	reached(after)
	err = h.cfg.Backplane.Subscribe(ctx, after, func(e Entry) {
		h.receive(e)
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
	h.generation++
	h.forgotten.last = [len(h.forgotten.last)]uint64{}
	h.allDirty = true
}

// skip counts entries that are not there, up to the seq, as missing. The caller holds mu.
func (h *Hub) skip(seq uint64) {
	h.head, h.floor = seq, seq
	h.allDirty = true
}

// receive stores an entry of the backplane. It skips one whose position cannot be an id,
// which a correct backplane never delivers.
func (h *Hub) receive(e Entry) {
	if !validEpoch(e.Epoch) || e.Seq == 0 {
		return
	}
	body, err := encodeBody(e.Event)
	announced := false
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
			h.head, announced = e.Seq, true
			break
		}
		h.append(e.Position, e.Topic, e.Event, body)
	}
	h.mu.Unlock()
	h.notify()
	if announced {
		h.receiveAnnouncement(e.Event.Data)
	}
}
