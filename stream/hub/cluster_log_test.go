package hub_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// dice is the random source of one actor, independent of all others.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func newDice(seed, of uint64) *dice { return &dice{r: rand.New(rand.NewPCG(seed, of))} }

// n returns a number from 0 to n-1.
func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// in reports true once in n calls.
func (d *dice) in(n int) bool { return d.n(n) == 0 }

// upTo returns a random time, mostly a short one.
func (d *dice) upTo(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.r.Float64()
	return time.Duration(x * x * float64(most))
}

// A clusterLog is the log that the hubs share, together with every entry that it ever
// had, in order, for the witnesses.
type clusterLog struct {
	backplanetest.Memory
	mu     sync.Mutex
	all    []loggedEntry
	starts map[string]int // index of the first entry of each epoch
}

type loggedEntry struct {
	hub.Entry
	at time.Time
}

func newClusterLog() *clusterLog {
	l := &clusterLog{starts: make(map[string]int)}
	l.begin()
	return l
}

// begin notes the epoch. The caller holds mu, or is the only goroutine.
func (l *clusterLog) begin() {
	last, _, _ := l.Bounds(context.Background())
	l.starts[last.Epoch] = len(l.all)
}

func (l *clusterLog) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := l.Memory.Append(ctx, topic, event)
	if err == nil {
		l.all = append(l.all, loggedEntry{hub.Entry{Position: at, Topic: topic, Event: event}, time.Now()})
	}
	return at, err
}

// lose makes the log lose everything.
func (l *clusterLog) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Wipe()
	l.begin()
}

// index returns the place of an entry among all there ever were, from 0, and -1 before
// the first. The position must be one of the log.
func (l *clusterLog) index(at hub.Position) (i int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	start, ok := l.starts[at.Epoch]
	i = start + int(at.Seq) - 1
	return i, ok && i < len(l.all)
}

// len returns how many entries there ever were.
func (l *clusterLog) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

func (l *clusterLog) entry(i int) loggedEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[i]
}

// A line is the connection of one process to the log. It is slow, at random; it breaks,
// and loses what is on the way; it hangs; it reports an error for an entry that was
// appended; and when it is up again it may first repeat entries.
type line struct {
	log     *clusterLog
	dice    *dice
	latency time.Duration   // at most
	life    time.Duration   // of a connection, at most
	healthy <-chan struct{} // closed when faults end
	dead    context.Context // done when the process has crashed
	lost    func()          // called for each lost connection
}

var (
	errLost = errors.New("connection lost")
	errDead = errors.New("the process has crashed")
)

func (l *line) well() bool {
	select {
	case <-l.healthy:
		return true
	default:
		return false
	}
}

// trouble waits, and then fails, or hangs until ctx is done.
func (l *line) trouble(ctx context.Context) error {
	if l.dead.Err() != nil {
		return errDead
	}
	if err := pause(ctx, l.dice.upTo(l.latency)); err != nil || l.well() {
		return err
	}
	switch l.dice.n(30) {
	case 0:
		return errLost
	case 1:
		return pause(ctx, l.dice.upTo(20*time.Second))
	}
	return nil
}

// pause waits for d, and returns the error of ctx if that is done first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *line) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	if err := l.trouble(ctx); err != nil {
		return hub.Position{}, err
	}
	at, err := l.log.Append(ctx, topic, event)
	if err == nil {
		err = l.trouble(ctx) // the event is in the log nevertheless
	}
	if err != nil {
		return hub.Position{}, err
	}
	return at, nil
}

func (l *line) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	if err := l.trouble(ctx); err != nil {
		return last, 0, err
	}
	if last, forgotten, err = l.log.Bounds(ctx); err == nil {
		err = l.trouble(ctx) // the result is older by then
	}
	return last, forgotten, err
}

func (l *line) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	if err := l.trouble(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.dead, func() { cancel(errDead) })()
	if !l.well() {
		breaks := time.AfterFunc(l.dice.upTo(l.life), func() {
			if !l.well() {
				l.lost()
				cancel(errLost)
			}
		})
		defer breaks.Stop()
		after.Seq -= min(after.Seq, uint64(l.dice.n(3)*l.dice.n(20)))
	}
	return l.log.Subscribe(ctx, after, func(e hub.Entry) {
		arrives := time.Now()
		if i, ok := l.log.index(e.Position); ok {
			arrives = l.log.entry(i).at.Add(l.dice.upTo(l.latency))
		}
		if !l.well() && l.dice.in(500) {
			arrives = time.Now().Add(l.dice.upTo(10 * time.Second)) // and all after it
		}
		if pause(ctx, time.Until(arrives)) == nil {
			deliver(e)
		}
	})
}
