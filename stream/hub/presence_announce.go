package hub

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/apiece/apiece/stream"
)

// presenceTopic is where the hubs that share a log tell each other who listens. It cannot
// be published to or read from by name: log entries under it go to the presence and not
// into a history.
const presenceTopic = "\x00presence"

// An announcement lists the clients of some topics in one process. It is complete for
// each of them, so that it may arrive twice, or not at all.
type announcement struct {
	Node   string              `json:"node"`
	At     int64               `json:"at"` // in Unix milliseconds
	Topics map[string][]string `json:"topics"`
}

// announceDelay is how long changes are collected for one announcement.
const announceDelay = time.Second

// announce tells the other hubs who listens here: soon after a change, and everything at
// regular intervals, for those that have not heard of it.
func (h *Hub) announce(ctx context.Context) {
	p, every := &h.presence, max(h.cfg.PresenceExpiry/3, time.Millisecond)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			p.expire(h.now())
			p.mu.Lock()
			for topic := range p.topics {
				p.dirty[topic] = true
			}
			p.mu.Unlock()
		case <-p.wakeup:
			select {
			case <-ctx.Done():
				return
			case <-time.After(announceDelay):
			}
		}
		h.sendAnnouncements(ctx, every)
	}
}

// sendAnnouncements appends to the log what the others have to know.
func (h *Hub) sendAnnouncements(ctx context.Context, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	p := &h.presence
	for {
		a := announcement{p.node, time.Now().UnixMilli(), make(map[string][]string)}
		p.mu.Lock()
		for topic := range p.dirty {
			if a.Topics[topic] = p.here(topic); len(a.Topics) == lockBudget/topicCost {
				break
			}
		}
		for topic := range a.Topics {
			delete(p.dirty, topic)
		}
		p.mu.Unlock()
		if len(a.Topics) == 0 {
			return
		}
		text, err := json.Marshal(a)
		if err == nil {
			_, err = h.cfg.Backplane.Append(ctx, presenceTopic, stream.Event{Data: string(text)})
		}
		if err != nil {
			h.log().LogAttrs(ctx, slog.LevelWarn, "apiece: hub: cannot announce presence, trying again", slog.Any("error", err))
			p.mu.Lock()
			for topic := range a.Topics {
				p.dirty[topic] = true
			}
			p.mu.Unlock()
			return
		}
	}
}

// receiveAnnouncement processes an announcement of another process, unless it is too old.
func (h *Hub) receiveAnnouncement(text string) {
	var a announcement
	p := &h.presence
	if !p.on || json.Unmarshal([]byte(text), &a) != nil || a.Node == p.node {
		return
	}
	if time.Since(time.UnixMilli(a.At)) > h.cfg.PresenceExpiry {
		return
	}
	until := h.now() + h.cfg.PresenceExpiry
	for topic, clients := range a.Topics {
		slices.Sort(clients)
		p.mu.Lock()
		p.setRemote(remoteTopic{a.Node, topic}, slices.Compact(clients), until)
		p.mu.Unlock()
	}
}
