package hub

import (
	"errors"

	"github.com/apiece/apiece/stream"
)

// idRoom is kept free in front of an encoded event for its id, which is known
// only under the lock that gives it: the rest is encoded before. It holds the
// field with the longest epoch and the highest number.
const (
	maxEpoch = 32
	idRoom   = len("id: ") + maxEpoch + len("-18446744073709551615\n")
)

var errNothing = errors.New("hub: a published event has nothing to send")

// encodeBody encodes all of an event but its id, behind idRoom bytes.
func encodeBody(event stream.Event) ([]byte, error) {
	size := idRoom + len(event.Comment) + len(event.Name) + len(event.Data) + 32
	body, err := event.AppendTo(make([]byte, idRoom, size))
	if err != nil {
		return nil, err
	}
	if len(body) == idRoom {
		return nil, errNothing
	}
	return body, nil
}

// withID returns the whole event, whose id is put in front of the body.
func withID(body []byte, at Position) []byte {
	var room [idRoom]byte
	id := append(room[:0], "id: "...)
	id = append(at.appendTo(id), '\n')
	from := idRoom - len(id)
	copy(body[from:], id)
	return body[from:]
}
