package redis

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/apiece/apiece/stream/hub"
)

// The id of an entry in a log is its position. Redis requires epochs to be numbers there;
// ids that clients get have them in a shorter form.

// markSize is the length of the mark at the beginning of each event in a log, in bytes.
// The mark is unique, so that a second attempt to append the event is recognized, and so
// is a log with another event in its place.
const markSize = 8

// newEpoch returns an epoch in case a log has to begin. It is short enough to be exact as
// a float.
func newEpoch() string { return strconv.FormatUint(rand.Uint64N(1<<52)+1, 10) }

// parseID returns the position of an entry id.
func parseID(id string) (at hub.Position, err error) {
	seq, epoch, _ := strings.Cut(id, "-")
	number, err := strconv.ParseUint(epoch, 10, 64)
	if err != nil {
		return at, err
	}
	at.Epoch = strconv.FormatUint(number, 36)
	at.Seq, err = strconv.ParseUint(seq, 10, 64)
	return at, err
}

// entryID is the inverse. An invalid epoch becomes one that no log has.
func entryID(at hub.Position) string {
	number, _ := strconv.ParseUint(at.Epoch, 36, 64)
	if strconv.FormatUint(number, 36) != at.Epoch {
		number = 0
	}
	return strconv.FormatUint(at.Seq, 10) + "-" + strconv.FormatUint(number, 10)
}
