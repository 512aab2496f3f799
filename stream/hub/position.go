package hub

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
)

// A Position is a place in the log of a hub, and the id of the event there. Events of all
// topics are numbered in one sequence, so that a single Last-Event-ID says what a client
// has seen of each. A number has no meaning in another epoch.
type Position struct {
	Epoch string // which log
	Seq   uint64 // the number in it, from 1
}

// String returns the position as an event id: "epoch-seq".
func (p Position) String() string { return string(p.appendTo(make([]byte, 0, idRoom))) }

func (p Position) appendTo(dst []byte) []byte {
	dst = append(dst, p.Epoch...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, p.Seq, 10)
}

func parsePosition(id string) (p Position, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return p, false
	}
	seq, err := strconv.ParseUint(id[i+1:], 10, 64)
	return Position{id[:i], seq}, err == nil
}

// newEpoch returns an epoch for a log in this process. Ids of an earlier process must not
// be valid here.
func newEpoch() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func validEpoch(epoch string) bool {
	for _, c := range []byte(epoch) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return epoch != "" && len(epoch) <= maxEpoch
}
