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

// Config configures a hub. The zero Config is ready to use.
type Config struct {
	// MaxHistory is how many events of a topic are kept, for slow and for reconnecting
	// clients. 0 is 1024. It cannot be disabled: the history is what subscribers are sent
	// from.
	MaxHistory int
	// HistoryLimit is how much memory the events of a topic may take. The latest is kept
	// whatever its size. 0 is 4 MB, negative is no limit.
	HistoryLimit bytesize.Size
	// HistoryAge is how long events are kept. 0 is 5 minutes, negative is no limit, and
	// then topics without subscribers are never forgotten.
	HistoryAge time.Duration

	// MaxSubscribers limits the open subscriptions. Further subscribers get 503 with
	// Retry-After. Note that an EventSource gives up on a 503, and that the page then has
	// to try again. 0 is 10,000, negative is no limit.
	MaxSubscribers int
	// MaxPerClient limits those with the same [Subscription.Client] in the same way. Zero
	// or negative is no limit.
	MaxPerClient int

	// MaxTopics limits the topics of one subscription; more get 400. 0 is 1000, negative
	// is no limit.
	MaxTopics int

	// LastEventIDParam is the query parameter that is read if there is no Last-Event-ID
	// header: a page that was rendered with [Hub.LastEventID] sends that with its first
	// connection, and polyfills, which cannot set the header, reconnect with it. "" is
	// lastEventId, "-" is none.
	LastEventIDParam string

	// MaxAge ends streams normally after that time, spread over the last tenth of it, so
	// that clients reconnect: their authorization is checked again, and a load balancer
	// may choose another server. Zero or negative disables it.
	MaxAge time.Duration
	// Retry is the reconnection delay that clients are told, jittered between 0.5x and
	// 1.5x, so that they do not all reconnect at once after a restart. 0 is 3 seconds,
	// negative sends none.
	Retry time.Duration
	// Heartbeat is how long a subscriber may receive nothing before it is sent a comment,
	// up to a tenth late. 0 is 15 seconds, negative is none.
	Heartbeat time.Duration
	// PositionBlocks sends each client its id at once, and with heartbeats if it has
	// changed, and not only with events. A client that is cut off before its first event
	// then reconnects without missing any; one with Last-Event-ID in the query of its URL
	// does so anyway. The block has an id and no data, which clients that follow the HTML
	// standard, section 9.2.6, such as browsers, do not take for an event. Several
	// libraries report an empty message, so the default is off.
	PositionBlocks bool
	// WriteTimeout is that of stream.Config: a client that reads nothing for that long is
	// disconnected. 0 is 10 seconds, negative is none.
	WriteTimeout time.Duration

	// Backplane is the log that hubs in several processes share. Nil keeps the log in
	// this process.
	Backplane Backplane
	// BackplaneTimeout is how long the Backplane may take to add an event, or to return
	// its bounds. After that [Hub.Publish] returns an error; the event may still be in
	// the log. 0 is 5 seconds, negative is no limit.
	BackplaneTimeout time.Duration

	// Presence tracks who listens to which topic, for [Hub.Present]. With a [Backplane]
	// the processes tell each other in its log, which takes room: an entry per second
	// while clients come and go, and everything three times per PresenceExpiry.
	Presence bool
	// OnPresence, if set, is called when a client's first stream of a topic has begun,
	// and when its last has ended; it sets Presence. Calls are sequential, from a
	// goroutine of their own, and block nothing. A change that is undone before its call
	// is not reported. A reconnecting client goes and comes.
	OnPresence func(topic, client string, present bool)
	// PresenceExpiry is how long the clients of another process count as present without
	// news from it. Zero or negative is 1 minute.
	PresenceExpiry time.Duration

	// OnError responds to a refused subscription. Nil is that of the middleware.Config
	// around it, else problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)
	// Logger logs failures between the hub and its Backplane. Nil is slog.Default.
	Logger *slog.Logger
}

// Validate reports the first setting that New would refuse, as an error that names it, or
// nil.
func (cfg Config) Validate() error {
	if cfg.MaxHistory < 0 {
		return errors.New("hub: Config.MaxHistory is negative: the history is the queue of the subscribers, it cannot be off")
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	cfg.MaxHistory = setting.Or(cfg.MaxHistory, 1024)
	cfg.HistoryLimit = setting.Or(cfg.HistoryLimit, 4*bytesize.MB)
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
