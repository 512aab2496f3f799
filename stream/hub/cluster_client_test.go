package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A witness is what a client knows. It compares what it receives with the log: every
// event of its topics, in order, once, unless there was a gap event.
type witness struct {
	log      *clusterLog
	topics   []string
	coalesce bool

	lastID string
	from   int  // it must receive what is after this, in the log; unknown if it is new
	asked  bool // for all earlier events there are
	last   int  // the last it received, -1 for none
	got    map[int]bool
	since  map[int]bool   // received since another log has begun
	newest map[string]int // by topic and key
	gaps   []told
	faults []string
}

const unknown = int(^uint(0) >> 1)

// told is a gap: events after from and not after to may be missing.
type told struct{ from, to int }

func newWitness(log *clusterLog, topics []string, coalesce bool) *witness {
	return &witness{log: log, topics: topics, coalesce: coalesce, from: unknown, last: -1, got: make(map[int]bool), since: make(map[int]bool), newest: make(map[string]int)}
}

func (c *witness) fault(format string, args ...any) {
	if len(c.faults) < 3 {
		c.faults = append(c.faults, fmt.Sprintf(format, args...))
	}
}

// connects begins a connection. A client that has no id is new.
func (c *witness) connects() {
	if c.asked = false; c.lastID == "" {
		c.from = unknown
	}
}

// opened notes that the stream has begun: the client must receive what is appended from
// now on.
func (c *witness) opened() { c.from = min(c.from, c.log.len()-1) }

// at notes the last id.
func (c *witness) at(id string) (i int) {
	c.lastID = id
	at := strings.LastIndexByte(id, '-')
	seq, err := strconv.ParseUint(id[at+1:], 10, 64)
	i, ok := c.log.index(hub.Position{Epoch: id[:max(at, 0)], Seq: seq})
	if err != nil || !ok {
		c.fault("the id %q is of nothing in the log", id)
		return -1
	}
	if !c.asked {
		c.from = min(c.from, i)
	}
	return i
}

// receive parses blocks of a stream.
func (c *witness) receive(blocks []byte) {
	r := stream.NewReader(bytes.NewReader(blocks))
	for e, err := range r.All() {
		if err != nil {
			c.fault("reading: %v", err)
			return
		}
		if e.Name == hub.GapEvent {
			c.tell(e)
		} else {
			c.take(e)
		}
	}
	if id := r.LastEventID(); id != "" && id != c.lastID {
		c.at(id) // of a block without an event
	}
}

func (c *witness) tell(e stream.Event) {
	var data struct{ After *string }
	if err := json.Unmarshal([]byte(e.Data), &data); err != nil || data.After == nil {
		c.fault("a gap says %q", e.Data)
		return
	}
	gap := told{-1, c.log.len() - 1}
	i := c.at(e.ID)
	switch *data.After {
	case "": // it may receive the same events again: the hub cannot know
		c.last, c.since = -1, make(map[int]bool)
	case e.ID:
		gap.from = i
	default:
		c.fault("a gap after %q has the id %q", *data.After, e.ID)
	}
	c.gaps = append(c.gaps, gap)
}

func (c *witness) take(e stream.Event) {
	i := c.at(e.ID)
	if i < 0 {
		return
	}
	entry := c.log.entry(i)
	switch {
	case entry.Event.Data != e.Data || !slices.Contains(c.topics, entry.Topic):
		c.fault("sent %q as %s, which is %q of %s", e.Data, e.ID, entry.Event.Data, entry.Topic)
	case c.since[i]:
		c.fault("%s is sent twice", e.ID)
	case i <= c.last:
		c.fault("%s is sent after number %d", e.ID, c.last)
	case c.last >= 0 && c.log.entry(c.last).Epoch != entry.Epoch && !c.excused(c.last+1):
		c.fault("%s is of another log, and nothing was told", e.ID)
	}
	c.got[i], c.since[i], c.last = true, true, max(c.last, i)
	c.newest[entry.Topic+keyOf(e)] = i
}

// keyOf returns the first letter, the key of Coalesce.
func keyOf(e stream.Event) string { return e.Data[:1] }

func (c *witness) excused(i int) bool {
	return slices.ContainsFunc(c.gaps, func(g told) bool { return g.from < i && i <= g.to })
}

// judge looks for missing events. Those from number owed on must have arrived, even after
// a gap event.
func (c *witness) judge(owed int) []string {
	replaced := make(map[string]string) // the epoch in which a later one of the topic and key was received, or reported missing
	for i := c.log.len() - 1; i > min(c.from, owed-1); i-- {
		e := c.log.entry(i)
		if !slices.Contains(c.topics, e.Topic) {
			continue
		}
		value, told := e.Topic+keyOf(e.Event), c.excused(i)
		if c.got[i] || told {
			replaced[value] = e.Epoch
		}
		if !c.got[i] && (i >= owed || !told && !(c.coalesce && replaced[value] == e.Epoch)) {
			c.fault("%v of %s is missing, number %d after %d of %d, of which it is owed those from %d, and a gap was told: %t; it is at %s",
				e.Position, e.Topic, i, c.from, c.log.len(), owed, told, c.lastID)
		}
	}
	return c.faults
}

// A clusterClient connects to one process after the other and reads, at a random pace,
// until it leaves or is cut off, perhaps in the middle of an event.
type clusterClient struct {
	*witness
	cluster  *cluster
	dice     *dice
	name     string
	overflow hub.Overflow
	flaky    bool // often cut off
	slow     time.Duration
}

func (c *clusterClient) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.connect(ctx, c.cluster.processes[c.dice.n(len(c.cluster.processes))])
		away := 3 * time.Second
		if c.flaky && c.dice.in(5) && !c.cluster.isHealthy() {
			away = time.Minute
		}
		if pause(ctx, c.dice.upTo(away)) != nil {
			return
		}
	}
}

func (c *clusterClient) connect(ctx context.Context, p *clusterProcess) {
	h, up := p.now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(up, cancel)()
	sub := hub.Subscription{
		Topics: c.topics, Overflow: c.overflow, Client: c.name,
		Key: func(e stream.Event) string { return keyOf(e) },
	}
	c.connects()
	r, _ := http.NewRequestWithContext(ctx, "GET", "/", nil)
	switch id := c.lastID; {
	case id != "":
		r.Header.Set("Last-Event-ID", id)
	case c.dice.in(3): // with a page rendered by this hub
		if id := h.LastEventID(); id[0] != '-' { // otherwise of no log yet
			sub.LastEventID = id
			c.at(id)
		}
	case c.dice.in(2):
		sub.History = c.dice.n(10) - 1
		c.asked = true
	}
	conn := &clusterConn{client: c, ctx: ctx, cut: cancel, header: make(http.Header), left: -1}
	if c.flaky && !c.cluster.isHealthy() {
		switch c.dice.n(3) {
		case 0:
			conn.left = c.dice.n(20)
		default:
			leaves := time.AfterFunc(c.dice.upTo(20*time.Second), func() {
				if !c.cluster.isHealthy() {
					cancel()
				}
			})
			defer leaves.Stop()
		}
	}
	c.cluster.connections.Add(1)
	_ = h.Serve(conn, exchange.WithDefaults(nil, r, nil, c.cluster.config.Logger), sub) // a hub that is not ready is not logged
}

// A clusterConn is the http.ResponseWriter of one connection. A flush arrives, or is cut
// off.
type clusterConn struct {
	client  *clusterClient
	ctx     context.Context
	cut     context.CancelFunc
	header  http.Header
	status  int
	left    int // flushes until it is cut off, negative for no limit
	rest    []byte
	written []byte
	opened  bool
}

func (c *clusterConn) Header() http.Header    { return c.header }
func (c *clusterConn) WriteHeader(status int) { c.status = status }

func (c *clusterConn) Write(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, errLost
	}
	c.written = append(c.written, p...)
	return len(p), nil
}

func (c *clusterConn) Flush() {
	x := c.client
	if x.slow > 0 {
		_ = pause(c.ctx, x.dice.upTo(x.slow))
	}
	if c.ctx.Err() != nil || c.status >= 300 {
		return
	}
	if c.left == 0 && !x.cluster.isHealthy() {
		c.written = c.written[:x.dice.n(len(c.written)+1)]
		defer c.cut()
	}
	c.left--
	if !c.opened {
		c.opened = true
		x.opened()
	}
	c.rest = append(c.rest, c.written...)
	c.written = c.written[:0]
	whole := bytes.LastIndex(c.rest, []byte("\n\n")) + 2
	if whole < 2 {
		return
	}
	x.receive(c.rest[:whole])
	c.rest = append(c.rest[:0], c.rest[whole:]...)
}
