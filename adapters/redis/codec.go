package redis

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/stream"
)

// markSize is the length of the mark that each event in a log begins with. The
// mark tells it from every other, so that an attempt to append it a second time
// is recognized, and so is a log that has another event in its place.
const markSize = 8

// format is the byte after the mark. Processes of one deployment, old and new,
// read the same log: a change to the encoding needs another.
const format = 1

// encodeEvent returns the mark, the format and the fields.
func encodeEvent(topic string, e stream.Event) string {
	b := make([]byte, 0, markSize+1+4*binary.MaxVarintLen64+len(topic)+len(e.Name)+len(e.Comment)+len(e.Data))
	b = binary.BigEndian.AppendUint64(b, rand.Uint64())
	b = append(b, format)
	for _, s := range []string{topic, e.Name, e.Comment, e.Data} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	b = binary.AppendVarint(b, int64(e.Retry))
	return string(b)
}

var errFormat = errors.New("redis: an entry of the log is in no format known here")

func decodeEvent(s string) (topic string, e stream.Event, err error) {
	if len(s) <= markSize || s[markSize] != format {
		return "", e, errFormat
	}
	b := []byte(s[markSize+1:])
	ok := true
	text := func() (field string) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			ok = false
			return ""
		}
		field, b = string(b[size:size+int(n)]), b[size+int(n):]
		return field
	}
	topic, e.Name, e.Comment, e.Data = text(), text(), text(), text()
	retry, size := binary.Varint(b)
	if !ok || size <= 0 || size != len(b) {
		return "", stream.Event{}, errFormat
	}
	e.Retry = time.Duration(retry)
	return topic, e, nil
}

// Epochs are numbers in Redis, since they are part of ids, and written shorter
// in the ids that clients get.

// newEpoch returns the epoch of a log that may have to be begun. It is short
// enough to be exact wherever a number passes through a float.
func newEpoch() string { return strconv.FormatUint(rand.Uint64N(1<<52)+1, 10) }

// parseID returns the position that the id of an entry stands for.
func parseID(id string) (at stream.Position, err error) {
	seq, epoch, _ := strings.Cut(id, "-")
	number, err := strconv.ParseUint(epoch, 10, 64)
	if err != nil {
		return at, err
	}
	at.Epoch = strconv.FormatUint(number, 36)
	at.Seq, err = strconv.ParseUint(seq, 10, 64)
	return at, err
}

// entryID returns the id of the entry at the position.
func entryID(at stream.Position) string {
	return strconv.FormatUint(at.Seq, 10) + "-" + epochNumber(at.Epoch)
}

// epochNumber is the way back. What is no epoch of ours gives that of no log.
func epochNumber(epoch string) string {
	number, _ := strconv.ParseUint(epoch, 36, 64)
	if strconv.FormatUint(number, 36) != epoch {
		return "0"
	}
	return strconv.FormatUint(number, 10)
}
