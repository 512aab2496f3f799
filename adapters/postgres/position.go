package postgres

import (
	"math/rand/v2"
	"strconv"

	"github.com/apiece/apiece/stream/hub"
)

// position converts epoch and seq of the tables. An epoch is a non-negative number there,
// and written shorter in the ids that clients get.
func position(epoch, seq int64) hub.Position {
	return hub.Position{Epoch: strconv.FormatInt(epoch, 36), Seq: uint64(seq)}
}

// epochOf is the inverse, 0, which no log has, for an invalid epoch.
func epochOf(at hub.Position) int64 {
	epoch, err := strconv.ParseInt(at.Epoch, 36, 64)
	if err != nil || strconv.FormatInt(epoch, 36) != at.Epoch {
		return 0
	}
	return epoch
}

func newEpoch() int64 { return rand.Int64N(1<<62) + 1 }
