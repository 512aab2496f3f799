package hub

import "github.com/apiece/apiece/stream"

// idRoom is kept free before an encoded event for its id, which is known only under the
// lock that assigns it: the rest is encoded before. It has room for the longest epoch and
// the highest number.
const (
	maxEpoch = 32
	idRoom   = len("id: ") + maxEpoch + len("-18446744073709551615\n")
)

// encodeBody encodes an event without its id, after idRoom bytes.
func encodeBody(event stream.Event) ([]byte, error) {
	event.ID = "" // a second id in the block would be the one that counts
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

// withID returns the whole event, with its id before the body.
func withID(body []byte, at Position) []byte {
	var room [idRoom]byte
	id := append(room[:0], "id: "...)
	id = append(at.appendTo(id), '\n')
	from := idRoom - len(id)
	copy(body[from:], id)
	return body[from:]
}
