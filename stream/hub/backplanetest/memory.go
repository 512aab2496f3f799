package backplanetest

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Memory is a log in memory. The zero Memory is empty, and forgets nothing by itself.
type Memory struct {
	mu        sync.Mutex
	epoch     string
	forgotten uint64
	entries   []hub.Entry   // those after forgotten
	changed   chan struct{} // closed by the next change
}

var _ hub.Backplane = (*Memory)(nil)

// lock locks m and initializes an empty log.
func (m *Memory) lock() {
	m.mu.Lock()
	if m.changed == nil {
		m.epoch, m.changed = rand.Text(), make(chan struct{})
	}
}

func (m *Memory) hasChanged() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *Memory) last() hub.Position {
	return hub.Position{Epoch: m.epoch, Seq: m.forgotten + uint64(len(m.entries))}
}

// Append implements hub.Backplane.
func (m *Memory) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	if ctx.Err() != nil {
		return hub.Position{}, context.Cause(ctx)
	}
	m.lock()
	defer m.mu.Unlock()
	at := m.last()
	at.Seq++
	m.entries = append(m.entries, hub.Entry{Position: at, Topic: topic, Event: event})
	m.hasChanged()
	return at, nil
}

// Bounds implements hub.Backplane.
func (m *Memory) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	m.lock()
	defer m.mu.Unlock()
	return m.last(), m.forgotten, context.Cause(ctx)
}

// Subscribe implements hub.Backplane.
func (m *Memory) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	for {
		m.lock()
		if after.Epoch != m.epoch {
			after = hub.Position{Epoch: m.epoch}
		}
		seen := min(max(after.Seq, m.forgotten)-m.forgotten, uint64(len(m.entries)))
		news, changed := m.entries[seen:], m.changed
		m.mu.Unlock()
		for _, e := range news {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			deliver(e)
			after = e.Position
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

// Forget drops all entries but the last keep.
func (m *Memory) Forget(keep int) {
	m.lock()
	defer m.mu.Unlock()
	if n := len(m.entries) - keep; n > 0 {
		m.entries = m.entries[n:]
		m.forgotten += uint64(n)
	}
}

// Wipe drops everything, the numbers included, as a lost store does.
func (m *Memory) Wipe() {
	m.lock()
	defer m.mu.Unlock()
	m.epoch, m.forgotten, m.entries = rand.Text(), 0, nil
	m.hasChanged()
}
