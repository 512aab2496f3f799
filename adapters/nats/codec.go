package nats

import (
	"encoding/binary"
	"time"

	"github.com/apiece/apiece/stream"
)

// Processes of several versions read an event during a deployment, other programs never.
// The encoding is a byte for the format, then the fields in order, each text after its
// length. NATS headers could not hold every topic and every byte of an event.
const eventFormat = 1

func encodeEvent(topic string, e stream.Event) []byte {
	texts := [...]string{topic, e.Name, e.Comment, e.Data}
	room := 1 + binary.MaxVarintLen64
	for _, s := range texts {
		room += binary.MaxVarintLen64 + len(s)
	}
	b := append(make([]byte, 0, room), eventFormat)
	b = binary.AppendVarint(b, int64(e.Retry))
	for _, s := range texts {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// decodeEvent returns ok false for anything but a whole event of this format.
func decodeEvent(b []byte) (topic string, e stream.Event, ok bool) {
	if len(b) == 0 || b[0] != eventFormat {
		return "", e, false
	}
	retry, n := binary.Varint(b[1:])
	if n <= 0 {
		return "", e, false
	}
	b = b[1+n:]
	var texts [4]string
	for i := range texts {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return "", e, false
		}
		texts[i], b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	e = stream.Event{Name: texts[1], Comment: texts[2], Data: texts[3], Retry: time.Duration(retry)}
	return texts[0], e, len(b) == 0
}
