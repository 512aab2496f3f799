package nats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// BackplaneConfig configures how much of its log a [Backplane] keeps, and how long an
// operation may take. A process applies it to the stream when it first uses the log: if
// processes differ, the latest applies.
type BackplaneConfig struct {
	// MaxHistory is how many events are kept, of all topics together. 0 is 10,000, negative
	// is no limit.
	MaxHistory int64
	// HistoryLimit is how many bytes these may take, as the server stores them. An event
	// that would take more than that less 512 is refused. 0 is 64 MB, negative is no
	// limit, and less than 1 KB panics.
	HistoryLimit bytesize.Size
	// HistoryAge is how long an event is kept. 0 is no limit; less than twice Timeout
	// panics, since the server recognizes a repeated event only while it keeps it.
	HistoryAge time.Duration
	// Replicas is how many servers of a cluster keep the log, 1 to 5. 0 is 1 for
	// a new log, and leaves an existing one as it is.
	Replicas int
	// Timeout is how long Append and Bounds retry, within the deadline of their context.
	// 0 is 10 seconds, in which a cluster elects a leader.
	Timeout time.Duration
}

// A Backplane is the log of hubs in several processes, kept in a JetStream stream: see
// [hub.Backplane].
type Backplane struct {
	js      jetstream.JetStream
	name    string
	cfg     BackplaneConfig
	current atomic.Pointer[log] // what Append publishes to; nil if unknown
	applied atomic.Bool         // the stream has the settings of cfg

	mu        sync.Mutex // a leaf
	delivered delivered

	reconnects atomic.Uint64
	lag        atomic.Int64
}

// delivered is the last delivered entry, with its message id.
type delivered struct {
	at hub.Position
	id string
}

var _ hub.Backplane = (*Backplane)(nil)

// NewBackplane returns the log in the stream with the given name, which consists of
// letters, digits, '-' and '_'. The stream is made when it is first used, and again if it
// is deleted. It uses the subjects that begin with its name and a dot, and only the
// operations listed in the package comment.
//
// It panics without a JetStream or with an invalid name, and if the connection buffers
// publications while it is broken. Connect with nats.ReconnectBufSize(-1): from the
// buffer a repeated event could reach the server after that no longer recognizes it.
//
// The connection is not closed, and may be shared.
func NewBackplane(js jetstream.JetStream, name string, cfg BackplaneConfig) *Backplane {
	if js == nil {
		panic("nats: NewBackplane without a JetStream")
	}
	cfg.MaxHistory = bound(cfg.MaxHistory, 10_000)
	cfg.HistoryLimit = bound(cfg.HistoryLimit, 64*bytesize.MB)
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	var problems []error
	if !validName(name) {
		problems = append(problems, fmt.Errorf("nats: the name %q of a stream: want letters, digits, '-' and '_'", name))
	}
	if cfg.Timeout < 0 {
		problems = append(problems, errors.New("nats: BackplaneConfig.Timeout is negative"))
	}
	if cfg.HistoryLimit > 0 && cfg.HistoryLimit < bytesize.KB {
		problems = append(problems, errors.New("nats: BackplaneConfig.HistoryLimit is less than 1 KB"))
	}
	if cfg.HistoryAge != 0 && cfg.HistoryAge < 2*cfg.Timeout {
		problems = append(problems, errors.New("nats: BackplaneConfig.HistoryAge is less than twice Timeout"))
	}
	if cfg.Replicas < 0 || cfg.Replicas > 5 {
		problems = append(problems, errors.New("nats: BackplaneConfig.Replicas: want 1 to 5"))
	}
	if o := js.Conn().Opts; o.AllowReconnect && o.ReconnectBufSize > 0 {
		problems = append(problems, errors.New("nats: the connection buffers while it is broken: connect with nats.ReconnectBufSize(-1)"))
	}
	if err := errors.Join(problems...); err != nil {
		panic(err)
	}
	return &Backplane{js: js, name: name, cfg: cfg}
}

// bound returns a setting: 0 is the default, and negative is no limit, which is -1 to the
// server.
func bound[T ~int64](setting, standard T) T {
	if setting == 0 {
		return standard
	}
	return max(setting, -1)
}

// validName is stricter than JetStream: the name is a part of subjects too.
func validName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_') {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

// Append implements [hub.Backplane].
//
// It retries for the Timeout of the [BackplaneConfig], across broken connections and
// stopped servers, and never appends an event twice: all attempts share a message id, by
// which the server recognizes the event for at least 2 minutes. After a timeout the error
// is [ErrUnknown], unless it is certain that the event is not in the log.
func (b *Backplane) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	limited, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	message := &nats.Msg{Data: encodeEvent(topic, event), Header: nats.Header{jetstream.MsgIDHeader: {rand.Text()}}}
	maybe := "" // epoch of the log that may have the event from an attempt
	for again := (retry{}); ; {
		at, err := b.attempt(limited, message, again.patience(), &maybe)
		if err == nil {
			return at, nil
		}
		if !mayPass(err) || !again.wait(limited) {
			if maybe != "" {
				err = errors.Join(ErrUnknown, err)
			}
			if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
				err = errors.Join(ctx.Err(), err)
			}
			return hub.Position{}, fmt.Errorf("nats: appending to %q: %w", b.name, err)
		}
	}
}

// attempt publishes the message once. maybe is the epoch of the log that may have the
// event from one of the attempts, or "".
func (b *Backplane) attempt(ctx context.Context, message *nats.Msg, patience time.Duration, maybe *string) (hub.Position, error) {
	l := b.current.Load()
	if l == nil {
		var err error
		if l, err = b.open(ctx, true); err != nil {
			return hub.Position{}, err
		}
	}
	if *maybe != "" && *maybe != l.epoch {
		return hub.Position{}, errReplaced // subscribers may have received it already
	}
	if err := ctx.Err(); err != nil {
		return hub.Position{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	message.Subject = b.subject(l.epoch)
	ack, err := b.js.PublishMsg(ctx, message, jetstream.WithRetryAttempts(0))
	switch {
	case err == nil:
		return hub.Position{Epoch: l.epoch, Seq: ack.Sequence}, nil
	case errors.Is(err, jetstream.ErrNoStreamResponse): // it has no leader, or another epoch
		b.current.CompareAndSwap(l, nil)
	case !notTaken(err):
		*maybe = l.epoch
	}
	return hub.Position{}, err
}

// Bounds implements [hub.Backplane]. It retries for the Timeout of the [BackplaneConfig],
// and makes the log if there is none.
func (b *Backplane) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	limited, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	for again := (retry{}); ; {
		l, err := b.open(limited, true)
		if err == nil {
			return hub.Position{Epoch: l.epoch, Seq: l.last}, l.forgotten, nil
		}
		if !mayPass(err) || !again.wait(limited) {
			return last, 0, fmt.Errorf("nats: asking for the bounds of %q: %w", b.name, err)
		}
	}
}

func (b *Backplane) subject(epoch string) string { return b.name + "." + epoch }

func (b *Backplane) lastDelivered() delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.delivered
}

func (b *Backplane) setDelivered(d delivered) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delivered = d
}

// epochOf returns the epoch at the end of a subject.
func (b *Backplane) epochOf(subjects []string) (epoch string, ok bool) {
	if len(subjects) != 1 {
		return "", false
	}
	epoch, ok = strings.CutPrefix(subjects[0], b.name+".")
	return epoch, ok && validEpoch(epoch)
}
