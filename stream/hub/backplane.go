package hub

import (
	"context"

	"github.com/apiece/apiece/stream"
)

// A Backplane is a log outside the process, shared by the hubs of several processes:
// subscribers of all hubs receive what one publishes, under the same ids, so that a
// client may reconnect to any of them. A Redis stream and a NATS JetStream stream are
// such logs. Set it as [Config.Backplane]; package backplanetest holds the tests that
// every implementation must pass.
//
// The log numbers its entries from 1, without holes, in one sequence over all topics. It
// may forget the oldest. When it forgets the sequence itself (the store was wiped), it
// takes a new epoch: a pair of epoch and number never names two entries. An epoch is 1 to
// 32 letters and digits.
//
// Methods are called from several goroutines at once. They return an error soon after
// their context is done, whatever they wait for.
type Backplane interface {
	// Append adds an event to the log and returns its position. The event has no ID;
	// Subscribe must deliver its other fields unchanged. After an error the event may
	// still be in the log.
	Append(ctx context.Context, topic string, event stream.Event) (Position, error)

	// Bounds returns the position of the last entry (number 0 if there never was one),
	// and the highest number that is forgotten (0 if none is).
	Bounds(ctx context.Context) (last Position, forgotten uint64, err error)

	// Subscribe calls deliver for every entry after the position, first those in the log
	// and then new ones, in order, each once, and from one goroutine at a time. Reading
	// and following are one call so that no entry is lost between the two.
	//
	// It returns the error of ctx once that is done, or another when it cannot go on; the
	// hub then calls it again, after the last entry it got. If entries after the position
	// are forgotten, it begins with the oldest that is left: the hub sees the hole in the
	// numbers. If the epoch is not the log's, it begins with the oldest entry there is.
	Subscribe(ctx context.Context, after Position, deliver func(Entry)) error
}

// An Entry is an event in the log of a [Backplane].
type Entry struct {
	Position              // where it is
	Topic    string       // of Append
	Event    stream.Event // of Append
}
