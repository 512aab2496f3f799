package nats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What a log is in JetStream.
//
// All entries are messages of one subject, which ends in the epoch of the log. Topics are
// in the messages: so they may be any string, and nothing that a client names becomes
// part of a subject. A publisher that still uses an old epoch publishes to a subject
// without a stream. The server reports that at once, and the publisher asks for the new
// epoch. So no event gets into a log under the epoch of another.
//
// The stream numbers its messages as a hub requires, and single ones cannot be deleted. A
// log ends in two ways. The stream is deleted: the next operation makes another, with
// another epoch. Or the stream has lost delivered entries, because its server was
// restarted with older files, and a follower that received them detects that. It then
// gives the stream another epoch, in one step with the number up to which the log of that
// epoch has forgotten everything.

// A log is the state of the stream when it was last asked.
type log struct {
	stream    jetstream.Stream
	epoch     string
	last      uint64 // the number of the last entry, 0 if there never was one
	forgotten uint64 // the highest number that is forgotten
}

// begunAfter is the key of metadata of a stream: the number of its last message
// when it was given its present epoch.
const begunAfter = "apiece-begun-after"

// window is the least time for which the server recognizes a message id.
const window = 2 * time.Minute

// overhead is more than the server stores for a message besides header and data, in
// bytes.
const overhead = 512

// operation is how long to wait for one reply of the server.
const operation = 2 * time.Second

// open asks for the log, and makes one if there is none and create is set.
func (b *Backplane) open(ctx context.Context, create bool) (*log, error) {
	ctx, cancel := context.WithTimeout(ctx, operation)
	defer cancel()
	s, err := b.js.Stream(ctx, b.name)
	if create && errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = b.js.CreateStream(ctx, b.settings(jetstream.StreamConfig{
			Name:       b.name,
			Subjects:   []string{b.subject(newEpoch())},
			Storage:    jetstream.FileStorage,
			Replicas:   1,
			DenyDelete: true,
		}))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			s, err = b.js.Stream(ctx, b.name)
		}
	}
	if err != nil {
		return nil, err
	}
	old := s.CachedInfo().Config
	if _, ok := b.epochOf(old.Subjects); !ok {
		return nil, fmt.Errorf("%w: its subjects are %q", errNotALog, old.Subjects)
	}
	if cfg := b.settings(old); !b.applied.Load() && !same(cfg, old) {
		if s, err = b.js.UpdateStream(ctx, cfg); err != nil {
			return nil, err
		}
	}
	b.applied.Store(true)
	info := s.CachedInfo()
	epoch, _ := b.epochOf(info.Config.Subjects)
	begun, _ := strconv.ParseUint(info.Config.Metadata[begunAfter], 10, 64)
	l := &log{
		stream:    s,
		epoch:     epoch,
		last:      info.State.LastSeq,
		forgotten: max(info.State.FirstSeq, begun+1) - 1,
	}
	b.current.Store(l)
	return l, nil
}

// settings returns the configuration of a stream with what BackplaneConfig says.
func (b *Backplane) settings(of jetstream.StreamConfig) jetstream.StreamConfig {
	of.MaxMsgs, of.MaxBytes, of.MaxAge = b.cfg.MaxHistory, int64(b.cfg.HistoryLimit), b.cfg.HistoryAge
	of.MaxMsgSize = -1
	if of.MaxBytes > 0 { // a message without room would evict all others, and itself
		of.MaxMsgSize = int32(min(of.MaxBytes-overhead, math.MaxInt32))
	}
	of.Duplicates = max(window, 2*b.cfg.Timeout)
	if of.MaxAge > 0 {
		of.Duplicates = min(of.Duplicates, of.MaxAge)
	}
	if b.cfg.Replicas > 0 {
		of.Replicas = b.cfg.Replicas
	}
	return of
}

// same compares what settings sets.
func same(a, b jetstream.StreamConfig) bool {
	return a.MaxMsgs == b.MaxMsgs && a.MaxBytes == b.MaxBytes && a.MaxAge == b.MaxAge && a.MaxMsgSize == b.MaxMsgSize &&
		a.Duplicates == b.Duplicates && a.Replicas == b.Replicas
}

// renew gives the stream another epoch, unless it has one already. Which events were lost
// is unknown, but subscribers must learn that some were. If two followers call it at once
// there are two new epochs, one after the other, and no entry is lost.
func (b *Backplane) renew(ctx context.Context, lost string) error {
	ctx, cancel := context.WithTimeout(ctx, operation)
	defer cancel()
	s, err := b.js.Stream(ctx, b.name)
	if err != nil {
		return err
	}
	cfg := s.CachedInfo().Config
	if epoch, ok := b.epochOf(cfg.Subjects); !ok || epoch != lost {
		return nil
	}
	cfg.Subjects = []string{b.subject(newEpoch())}
	cfg.Metadata = maps.Clone(cfg.Metadata)
	if cfg.Metadata == nil {
		cfg.Metadata = make(map[string]string)
	}
	cfg.Metadata[begunAfter] = strconv.FormatUint(s.CachedInfo().State.LastSeq, 10)
	_, err = b.js.UpdateStream(ctx, cfg)
	return err
}

// newEpoch returns an epoch that no log has had.
func newEpoch() string { return strings.ToLower(rand.Text()[:16]) }

// validEpoch reports whether newEpoch may have returned it.
func validEpoch(epoch string) bool {
	for _, c := range []byte(epoch) {
		if !(c >= '2' && c <= '7' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return len(epoch) == 16
}
