package redis

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/apiece/apiece/stream/hub"
)

// The id of an entry in a log is its position. Epochs are numbers there, since
// Redis wants them to be, and are written shorter in the ids that clients get.

// markSize is the length of the mark that each event in a log begins with. The
// mark tells it from every other, so that an attempt to append it a second time
// is recognized, and so is a log that has another event in its place.
const markSize = 8

// newEpoch returns the epoch of a log that may have to be begun. It is short
// enough to be exact wherever a number passes through a float.
func newEpoch() string { return strconv.FormatUint(rand.Uint64N(1<<52)+1, 10) }

// parseID returns the position that the id of an entry stands for.
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

// entryID is the way back. An epoch that is none of ours gives that of no log.
func entryID(at hub.Position) string {
	number, _ := strconv.ParseUint(at.Epoch, 36, 64)
	if strconv.FormatUint(number, 36) != at.Epoch {
		number = 0
	}
	return strconv.FormatUint(at.Seq, 10) + "-" + strconv.FormatUint(number, 10)
}
