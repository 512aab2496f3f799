package hub

import (
	"flag"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apiece/apiece/stream"
)

var modelSteps = flag.Int("model", 4, "how many steps of the model of a delivery to enumerate")

// The model is one hub with two topics and one client, and plays orders of steps: every
// order of a few steps, and some of many. A step of a delivery is what it does under one
// lock, so that the orders of steps cover all concurrency.
//
// The client believes what it is told: it is at its last id, and what it has not received
// by then is missing. In the end it received each event once, in order, or a gap event
// that covers it.
const modelOps = "aAbsrhte"

type model struct {
	h    *Hub
	s    *subscriber
	sub  Subscription
	log  []logged
	life int

	blocks bool // Config.PositionBlocks

	found   outcome // of the last step, until it is sent
	foundAt uint64  // head at that time
	foundIn int     // life at that time
	begun   Position
	lastID  string
	last    Position // the last event
	got     map[Position]bool
	gaps    []modelGap
	latest  map[string]Position // by topic and key
	closing bool
	over    bool
}

// logged is an event that was published.
type logged struct {
	at         Position
	life       int
	topic, key string
	lost       bool
	excused    bool // it was gone, or not asked for, when the client connected
}

// modelGap is a gap that was reported to the client: events after from and not after to,
// and all of earlier lives, may be missing.
type modelGap struct {
	from, to uint64
	life     int
	all      bool
	used     bool
}

func newModel(overflow Overflow, history int, blocks bool) *model {
	m := &model{
		h:      New(Config{MaxHistory: 2, HistoryAge: -1, Retry: -1}),
		blocks: blocks,
		sub:    Subscription{Topics: []string{"a", "b"}, Overflow: overflow, History: history},
		got:    map[Position]bool{}, latest: map[string]Position{},
	}
	m.h.limits = stepLimits{entries: 2, work: topicCost + 1} // a topic at a time, or an entry
	m.h.epoch = "e0"
	for m.h.forgotten.of("a") == m.h.forgotten.of("b") {
		m.h.forgotten.seed = maphash.MakeSeed() // otherwise occasional false alarms
	}
	m.connect()
	return m
}

// connect subscribes the client as Serve does.
func (m *model) connect() {
	m.s = &subscriber{hub: m.h, key: func(e stream.Event) string { return e.Data }}
	m.s.overflow = m.sub.Overflow
	m.h.wakeLoopRunning = true // wakes are steps of the model
	if err := m.s.join(m.sub.Topics); err != nil {
		m.over = true
		return
	}
	m.s.seek(m.lastID, m.sub.History)
	if m.lastID == "" { // a new client gets what it asks for
		m.begun = Position{m.s.epoch, m.s.cursor}
		m.gaps = nil
		for i, l := range m.log {
			m.log[i].excused = l.at.Seq <= m.s.cursor || !m.kept(l)
		}
	}
	m.found = idle
}

// kept reports whether the event is in a history.
func (m *model) kept(l logged) bool {
	for _, t := range m.h.order {
		hist := m.h.history(t)
		for n := hist.first; n < hist.next; n++ {
			if (Position{m.h.epoch, hist.at(n).seq}) == l.at {
				return true
			}
		}
	}
	return false
}

func (m *model) publish(topic string) {
	h := m.h
	key := fmt.Sprint(h.head % 2)
	at := Position{h.epoch, h.head + 1}
	event := stream.Event{Data: key}
	body, err := encodeBody(event)
	if err != nil {
		panic(err)
	}
	h.append(at, topic, event, body)
	m.log = append(m.log, logged{at: at, life: m.life, topic: topic, key: key})
}

// step takes one step and returns a fault or "".
func (m *model) step(op byte) (fault string) {
	if m.over && op == 's' {
		return ""
	}
	switch op {
	case 'a', 'b':
		m.publish(string(op))
	case 'A': // more than a history
		for range 3 {
			m.publish("a")
		}
	case 's': // the delivery continues: what was found arrives, or more is found
		return m.deliver()
	case 'r': // the connection breaks, and loses what was on the way
		if !m.over {
			m.s.leave()
		}
		m.over = false
		m.connect()
	case 'h': // the log loses an event before the hub has read it
		m.log = append(m.log, logged{at: Position{m.h.epoch, m.h.head + 1}, life: m.life, topic: "a", lost: true})
		m.h.skip(m.h.head + 1)
	case 't': // time passes: the oldest event of each topic is dropped
		for _, t := range m.h.order {
			if m.h.renew(t); t.history.len() > 0 {
				t.history.drop()
			}
		}
	case 'e': // the log is lost, and another replaces it
		m.life++
		m.h.restart(Position{fmt.Sprint("e", m.life), 0})
	case 'x':
		m.closing = true
	}
	return ""
}

func (m *model) deliver() (fault string) {
	s := m.s
	if m.found == ready {
		var batch []*entry
		if s.pass != nil {
			batch = s.pass.batch
		}
		fault = m.receive(batch)
		s.done()
		m.found = idle
		return fault
	}
	m.found, m.foundAt, m.foundIn = s.step(m.h), m.h.head, m.life
	switch m.found {
	case coalesce:
		s.pass.coalesce(func(e *entry) string { return s.key(e.event) })
	case idle:
		s.done()
		if m.lastID == "" && m.blocks {
			m.lastID = Position{s.epoch, s.cursor}.String()
		}
		if m.s.epoch == m.h.epoch && m.s.cursor < m.h.head {
			return "idle before the head of the log"
		}
	case disconnect:
		if s.overflow != Disconnect {
			return "disconnected"
		}
		m.over = true
		s.leave()
	case ready:
		if s.pass != nil && len(s.pass.batch) > 0 {
			return ""
		}
		if s.gap == noGap {
			return "ready with nothing"
		}
		for _, t := range s.topics {
			if hist := m.h.history(t.topic); hist.after(s.cursor) < hist.next {
				return "a gap goes out alone, and there is what follows"
			}
		}
	}
	return ""
}

// receive is the client: it receives a gap event, if there is one, and a batch.
func (m *model) receive(batch []*entry) (fault string) {
	s := m.s
	if s.gap != noGap {
		g := modelGap{from: s.gapAt, to: m.foundAt, life: m.foundIn, all: s.gap == otherLog}
		if s.gap == otherLog {
			g.from = 0
		}
		m.gaps = append(m.gaps, g)
		m.lastID = Position{s.epoch, s.gapAt}.String()
	}
	for _, e := range batch {
		at := Position{s.epoch, e.seq}
		switch {
		case m.got[at]:
			return fmt.Sprintf("%v is sent twice", at)
		case at.Epoch == m.last.Epoch && at.Seq <= m.last.Seq:
			return fmt.Sprintf("%v is sent after %v", at, m.last)
		case m.sub.History == 0 && at.Epoch == m.begun.Epoch && at.Seq <= m.begun.Seq && len(m.gaps) == 0:
			return fmt.Sprintf("%v is older than its client", at)
		}
		m.got[at], m.last, m.lastID = true, at, at.String()
		m.latest[e.topic.name+"/"+e.event.Data] = at
	}
	return ""
}

// finish lets the client catch up, and checks that it has.
func (m *model) finish() (fault string) {
	for i := 0; m.found != idle || i < 2 || m.behind(); i++ {
		if i == 200 {
			return "it is never up to date"
		}
		op := byte('s')
		if m.over {
			op = 'r'
		}
		if fault := m.step(op); fault != "" {
			return fault
		}
	}
	for _, l := range m.log {
		if m.got[l.at] || m.begun.Epoch == l.at.Epoch && l.at.Seq <= m.begun.Seq && m.sub.History == 0 {
			continue
		}
		told := m.told(l)
		if m.sub.Overflow == Coalesce && !l.lost {
			if newer := m.latest[l.topic+"/"+l.key]; newer.Epoch == l.at.Epoch && newer.Seq > l.at.Seq {
				continue
			}
		}
		if !told && !l.excused {
			return fmt.Sprintf("%v of %s is missing, and the client was not told", l.at, l.topic)
		}
	}
	for _, g := range m.gaps {
		if !g.used && !g.all {
			return "a hole was told that is none"
		}
	}
	return ""
}

func (m *model) behind() bool {
	return m.over || m.s.epoch != m.h.epoch || m.s.state != upToDate || m.s.cursor < m.h.head
}

func (m *model) told(l logged) (told bool) {
	for i := range m.gaps {
		g := &m.gaps[i]
		if g.life == l.life && g.from < l.at.Seq && l.at.Seq <= g.to || g.all && g.life > l.life {
			g.used, told = true, true
		}
	}
	return told
}

// runModel plays the ops and finishes.
func runModel(overflow Overflow, history int, blocks bool, ops string) (fault string) {
	m := newModel(overflow, history, blocks)
	for i := range len(ops) {
		if fault := m.step(ops[i]); fault != "" {
			return fault
		}
	}
	return m.finish()
}

func TestDeliveryModel(t *testing.T) {
	runs := 0
	for _, overflow := range []Overflow{Disconnect, DropOldest, Coalesce} {
		for _, history := range []int{0, 1, -1} {
			try := func(ops string) {
				runs += 2
				for _, blocks := range []bool{false, true}[:2-min(1, history*history)] {
					if fault := runModel(overflow, history, blocks, ops); fault != "" {
						t.Fatalf("%v, history %d, blocks %t, %s: %s", overflow, history, blocks, ops, fault)
					}
				}
			}
			for n := 1; n <= *modelSteps; n++ {
				ops := make([]byte, n)
				var all func(int)
				all = func(i int) {
					if i == n {
						try(string(ops))
						return
					}
					for j := range len(modelOps) {
						ops[i] = modelOps[j]
						all(i + 1)
					}
				}
				if n < *modelSteps || history == 0 {
					all(0)
				}
			}
			draw := rand.New(rand.NewPCG(uint64(overflow), uint64(history)))
			for range 200 * *modelSteps {
				var ops strings.Builder
				for range 40 {
					ops.WriteByte((modelOps + "ssssaab")[draw.IntN(len(modelOps)+7)])
				}
				try(ops.String())
			}
		}
	}
	t.Logf("%d orders of steps", runs)
}

// A log whose epoch comes back, which no backplane should deliver, is another log: a pass
// under way does not belong to it.
func TestDeliveryEpochComesBack(t *testing.T) {
	h := New(Config{})
	for range 100 {
		h.Publish(t.Context(), "a", stream.Event{Data: "before"})
	}
	s := &subscriber{hub: h}
	if err := s.join([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	defer s.leave()
	s.seek("", -1)
	if got := s.step(h); got != ready {
		t.Fatalf("outcome %d before", got)
	}
	s.done()
	before := h.epoch
	h.mu.Lock()
	h.restart(Position{newEpoch(), 0})
	h.restart(Position{before, 6})
	h.mu.Unlock()
	h.Publish(t.Context(), "a", stream.Event{Data: "after"})
	if got := s.step(h); got != ready || s.gap != otherLog || len(s.pass.batch) != 1 {
		t.Errorf("outcome %d, gap %d", got, s.gap)
	}
}

// However fast a history moves on, even between two steps, its subscribers receive
// events.
func TestDeliveryFastPublisher(t *testing.T) {
	for _, overflow := range []Overflow{DropOldest, Coalesce, Disconnect} {
		h := New(Config{MaxHistory: 1, HistoryAge: -1})
		h.limits = stepLimits{entries: 2, work: topicCost + 1}
		h.wakeLoopRunning = true
		s := &subscriber{hub: h}
		s.overflow = overflow
		if err := s.join([]string{"a", "b", "c", "d"}); err != nil {
			t.Fatal(err)
		}
		s.seek("", 0)
		events := 0
		for range 100 {
			for _, topic := range []string{"a", "b"} {
				h.Publish(t.Context(), topic, stream.Event{Data: "x"})
			}
			switch s.step(h) {
			case coalesce:
				s.pass.coalesce(func(*entry) string { return "" })
			case ready:
				if len(s.pass.batch) == 0 {
					t.Errorf("%v: a gap is sent alone", overflow)
				}
				events += len(s.pass.batch)
				s.done()
			}
		}
		if events == 0 || overflow != Disconnect && events < 15 {
			t.Errorf("%v: %d events in 100 steps", overflow, events)
		}
		s.leave()
	}
}
