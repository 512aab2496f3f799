package metrics

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream/hub"
)

// Hub observes the Stats of a hub, with the name as an attribute.
func (m *Metrics) Hub(name string, h *hub.Hub) error {
	return m.observe(attribute.String("apiece.hub.name", name), func() []reading {
		s := h.Stats()
		return []reading{
			{level, "apiece.hub.subscribers", "{subscriber}", "Open subscriptions.", "", float64(s.Subscribers)},
			{level, "apiece.hub.topics", "{topic}", "Topics with subscribers or a history.", "", float64(s.Topics)},
			{counter, "apiece.hub.published", "{event}", "Events, those of other processes included.", "", float64(s.Published)},
			{counter, "apiece.hub.delivered", "{event}", "Events times subscribers.", "", float64(s.Delivered)},
			{counter, "apiece.hub.coalesced", "{event}", "Events passed over because a later one replaced them.", "", float64(s.Coalesced)},
			{counter, "apiece.hub.gaps", "{event}", "Gap events: subscribers who were told that they have missed something.", "", float64(s.Gaps)},
			{counter, "apiece.hub.disconnected", "{subscriber}", "Subscribers who were too slow.", "", float64(s.Disconnected)},
			{counter, "apiece.hub.refused", "{subscriber}", "Subscribers for whom there was no room.", "", float64(s.Refused)},
		}
	})
}

// Cache observes the Stats of a cache, with the name as an attribute.
func (m *Metrics) Cache(name string, c *cache.Cache) error {
	return m.observe(attribute.String("apiece.cache.name", name), func() []reading {
		s := c.Stats()
		const requests, text = "apiece.cache.requests", "Requests, by where the response came from."
		return []reading{
			{counter, requests, "{request}", text, "hit", float64(s.Hits)},
			{counter, requests, "{request}", text, "stale", float64(s.Stale)},
			{counter, requests, "{request}", text, "miss", float64(s.Misses)},
			{counter, requests, "{request}", text, "bypass", float64(s.Bypassed)},
			{counter, "apiece.cache.fills", "{run}", "Runs of a handler on behalf of all.", "", float64(s.Fills)},
			{counter, "apiece.cache.fill_errors", "{run}", "Those that panicked, timed out or answered 500 or above.", "", float64(s.FillErrors)},
			{counter, "apiece.cache.evicted", "{entry}", "Entries dropped for want of room.", "", float64(s.Evicted)},
			{counter, "apiece.cache.invalidated", "{call}", "Calls that have made stored responses invalid.", "", float64(s.Invalidated)},
			{level, "apiece.cache.waiting", "{request}", "Requests that wait for the run of another.", "", float64(s.Waiting)},
			{level, "apiece.cache.size", "By", "What the store holds.", "", float64(s.Bytes)},
		}
	})
}

// Backplane observes the Stats of a backplane, with the name as an attribute. Every
// adapter has a method Stats: pass the method.
//
//	err := metrics.Backplane(m, "events", log.Stats)
func Backplane[Stats ~struct {
	Reconnects uint64
	LastSeq    uint64
	Lag        time.Duration
}](m *Metrics, name string, stats func() Stats) error {
	return m.observe(attribute.String("apiece.backplane.name", name), func() []reading {
		s := struct {
			Reconnects uint64
			LastSeq    uint64
			Lag        time.Duration
		}(stats())
		return []reading{
			{counter, "apiece.backplane.reconnects", "{connection}", "Connections made after one was lost.", "", float64(s.Reconnects)},
			{gauge, "apiece.backplane.last_seq", "{entry}", "The number of the last entry that was delivered.", "", float64(s.LastSeq)},
			{gauge, "apiece.backplane.lag", "s", "From appending the last entry to its delivery.", "", s.Lag.Seconds()},
		}
	})
}

// A reading is one value of an instrument.
type reading struct {
	kind             kind
	name, unit, text string
	result           string // apiece.cache.result, "" for none
	value            float64
}

// A kind says how to aggregate the values of several processes.
type kind int

const (
	counter kind = iota // by their sum, and a smaller one is of another process
	level               // by their sum
	gauge               // a sum means nothing
)

// observe registers read, which is called once per scrape, and once before to list the instruments.
func (m *Metrics) observe(of attribute.KeyValue, read func() []reading) error {
	instruments := make(map[string]metric.Float64Observable)
	var all []metric.Observable
	for _, x := range read() {
		if instruments[x.name] != nil {
			continue
		}
		var made metric.Float64Observable
		var err error
		switch x.kind {
		case counter:
			made, err = m.meter.Float64ObservableCounter(x.name, metric.WithUnit(x.unit), metric.WithDescription(x.text))
		case level:
			made, err = m.meter.Float64ObservableUpDownCounter(x.name, metric.WithUnit(x.unit), metric.WithDescription(x.text))
		case gauge:
			made, err = m.meter.Float64ObservableGauge(x.name, metric.WithUnit(x.unit), metric.WithDescription(x.text))
		}
		if err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
		instruments[x.name] = made
		all = append(all, made)
	}
	_, err := m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, x := range read() {
			attrs := []attribute.KeyValue{of}
			if x.result != "" {
				attrs = append(attrs, attribute.String("apiece.cache.result", x.result))
			}
			o.ObserveFloat64(instruments[x.name], x.value, metric.WithAttributes(attrs...))
		}
		return nil
	}, all...)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Cached counts the responses of a cache by route and by Cache-Status: hit, or why
// the handler ran (fwd), and why the response was not stored (detail). Put it
// directly around the cache.
func (m *Metrics) Cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			status, detail := cacheStatus(w.Header())
			attrs := append(m.route(r), attribute.String("apiece.cache.status", status))
			if detail != "" {
				attrs = append(attrs, attribute.String("apiece.cache.detail", detail))
			}
			m.cached.Add(context.WithoutCancel(r.Context()), 1, metric.WithAttributes(attrs...))
		}()
		next.ServeHTTP(w, r)
	})
}

// cacheStatus returns the Cache-Status of the cache. If another cache has the same
// name, such as an upstream's, the two cannot be distinguished, and it returns "":
// others must not choose the value of an attribute.
func cacheStatus(h http.Header) (status, detail string) {
	var ours string
	for _, line := range h["Cache-Status"] {
		if line, ok := strings.CutPrefix(line, "apiece; "); ok {
			if ours != "" {
				return "", ""
			}
			ours = line
		}
	}
	for param := range strings.SplitSeq(ours, "; ") {
		switch name, value, _ := strings.Cut(param, "="); name {
		case "hit":
			status = "hit"
		case "fwd":
			status = value
		case "detail":
			detail = value
		}
	}
	return status, detail
}
