package hub

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/setting"
)

// Config is how a hub behaves. The zero Config is ready to use.
type Config struct {
	// History is how many events of a topic are kept, for clients that are
	// behind and for clients that come back. 0 is 1024. It cannot be off: the
	// history is what subscribers are sent from.
	History int
	// HistoryBytes bounds the memory that the events of a topic take. The latest
	// is kept whatever its size. 0 is 4 MB, negative is no bound.
	HistoryBytes bytesize.Size
	// HistoryAge is how long events are kept. 0 is 5 minutes, negative is no
	// bound, and then topics without listeners are never forgotten.
	HistoryAge time.Duration

	// MaxSubscribers bounds the open subscriptions. Who comes then gets 503
	// with Retry-After. Note that an EventSource gives up on a 503, and that
	// the page then has to try again. 0 is 10,000, negative is no bound.
	MaxSubscribers int
	// MaxPerClient bounds those with the same [Subscription.Client], likewise.
	// 0 and negative are no bound.
	MaxPerClient int

	// MaxTopics bounds the topics of one subscription; more are 400. 0 is 1000,
	// negative is no bound.
	MaxTopics int

	// LastEventIDParam is the query parameter that is read if there is no
	// Last-Event-ID header: a page that was rendered with [Hub.LastEventID] passes
	// that on with its first connection, and polyfills, which cannot set the header,
	// come back with it. "" is lastEventId, "-" is none.
	LastEventIDParam string

	// MaxAge ends streams in good order after that time, spread over the last
	// tenth of it, so that clients come back, with their rights checked again
	// and to whatever server a balancer has for them. 0 and negative are
	// never.
	MaxAge time.Duration
	// Retry is the reconnection delay clients are told, each a different one
	// between half and one and a half of it: after a restart they do not come
	// back all at once. 0 is 3 seconds, negative tells them none.
	Retry time.Duration
	// Heartbeat is how long a subscriber may hear nothing before it is sent a
	// comment. It is late by a tenth at most. 0 is 15 seconds, negative is none.
	Heartbeat time.Duration
	// PositionBlocks sends each client its id at once, and with heartbeats if it
	// has changed, and not only with events. A client that is cut off before its
	// first event then comes back without a hole; one that has Last-Event-ID in
	// the query of its address does so anyway. The block has an id and no data,
	// which a client that follows the HTML standard, section 9.2.6, takes for no
	// event: browsers do. Several libraries pass it on as an empty message, so
	// that it is not sent by default.
	PositionBlocks bool
	// WriteTimeout is that of stream.Config: a client that takes nothing for so
	// long is disconnected. 0 is 10 seconds, negative is none.
	WriteTimeout time.Duration

	// Backplane is the log that hubs in several processes share. Nil keeps the
	// log in this process.
	Backplane Backplane
	// BackplaneTimeout is how long the Backplane may take to add an event, or to
	// say what it has. After that [Hub.Publish] returns an error; the event may be
	// in the log all the same. 0 is 5 seconds, negative is no bound.
	BackplaneTimeout time.Duration

	// Presence has the hub keep who listens to which topic, for [Hub.Present].
	// With a [Backplane] the processes tell each other in its log, where that
	// takes room: an entry a second while clients come and go, and everything
	// three times in PresenceExpiry.
	Presence bool
	// OnPresence, if set, is called when the first stream of a client to a topic
	// has begun, and when its last has ended; it sets Presence. Calls come one
	// after the other, from a goroutine of their own: they hold up nothing. What
	// has changed twice by the time of its call is no change. Mind that a client
	// that reconnects goes and comes.
	OnPresence func(topic, client string, present bool)
	// PresenceExpiry is how long the clients of another process are there without
	// news of it. 0 and negative are 1 minute.
	PresenceExpiry time.Duration

	// OnError answers a subscription that is refused. Nil is that of the
	// middleware.Config around it, else a problem document (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)
	// Logger takes what goes wrong between the hub and its Backplane. Nil is
	// slog.Default.
	Logger *slog.Logger
}

// Validate reports every problem of the config.
func (cfg Config) Validate() error {
	if cfg.History < 0 {
		return errors.New("hub: Config.History is negative: the history is the queue of the subscribers, it cannot be off")
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	cfg.History = setting.Or(cfg.History, 1024)
	cfg.HistoryBytes = setting.Or(cfg.HistoryBytes, 4*bytesize.MB)
	cfg.HistoryAge = setting.Or(cfg.HistoryAge, 5*time.Minute)
	cfg.MaxSubscribers = setting.Or(cfg.MaxSubscribers, 10_000)
	cfg.MaxTopics = setting.Or(cfg.MaxTopics, 1000)
	cfg.MaxAge = setting.Or(cfg.MaxAge, 0)
	cfg.BackplaneTimeout = setting.Or(cfg.BackplaneTimeout, patience)
	cfg.Presence = cfg.Presence || cfg.OnPresence != nil
	cfg.PresenceExpiry = cmp.Or(setting.Or(cfg.PresenceExpiry, 0), time.Minute)
	cfg.Retry = setting.Or(cfg.Retry, 3*time.Second)
	cfg.Heartbeat = setting.Or(cfg.Heartbeat, 15*time.Second)
	return cfg
}
