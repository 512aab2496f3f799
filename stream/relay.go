package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/setting"
)

// RelayConfig configures [Stream.Relay]. The zero RelayConfig is ready to use.
type RelayConfig struct {
	// EventLimit bounds one event; a larger one ends the stream with a [*TooLargeError].
	// It costs no memory: an event over 64 KB is relayed in pieces, as it arrives. Id and
	// name of an event are limited to 64 KB. 0 is 32 MB, negative is no limit.
	EventLimit bytesize.Size
	// Comments relays comments, which some servers use for more than heartbeats. The
	// default drops them.
	Comments bool
}

// checkUpstream returns an error for a response that is not an event stream.
func checkUpstream(resp *http.Response) error {
	contentType, encoding := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Encoding")
	if strings.EqualFold(encoding, "identity") {
		encoding = ""
	}
	switch {
	case resp.StatusCode == http.StatusNoContent:
		return ErrStop // 204 means the same
	case resp.StatusCode == http.StatusOK && encoding == "" && mediatype.Is(contentType, flush.EventStream):
		return nil
	}
	return &UpstreamError{resp.StatusCode, contentType, encoding, resp.Header.Get("Retry-After")}
}

// Relay forwards the events of another server as they arrive, until its stream ends, and
// closes resp.Body. It closes that at once when the client goes, which ends the upstream
// request.
//
// A response that is not 200 and text/event-stream is an [*UpstreamError], or [ErrStop]
// for a 204, before anything is sent. Otherwise the stream is opened, and from then on it
// ends as the upstream does. If that ends inside an event, the error matches
// io.ErrUnexpectedEOF. Return the error of Relay: [Handler] then cuts the connection, and
// a truncated response does not look whole.
//
// Ids, names and data are forwarded unchanged, except for whitespace around an id, which
// would not come back. Blocks without data are dropped, and so is retry, since this
// server sets its own reconnection delay. While an event over 64 KB is under way, Send
// waits for its end, and no heartbeat is sent.
//
// To change events on the way, range over a [Reader] instead.
func (s *Stream) Relay(resp *http.Response, cfg RelayConfig) error {
	defer resp.Body.Close()
	if err := checkUpstream(resp); err != nil {
		return err
	}
	ctx := s.Context()
	defer context.AfterFunc(ctx, func() { resp.Body.Close() })()
	// Open the stream, also so that net/http reads the rest of the request body: only
	// then does it notice that the client is gone.
	if err := s.Flush(); err != nil {
		return err
	}
	r := relay{to: &s.conn, comments: cfg.Comments, limit: setting.Or(cfg.EventLimit, 32*bytesize.MB)}
	r.lines.src, r.lines.max, r.named, r.identified = resp.Body, maxPiece, true, true
	err := r.run()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the read failed because of that
	}
	if r.parted {
		s.conn.Break()
	}
	return err
}

// A relay copies events to a stream.
type relay struct {
	to       *flush.Conn
	comments bool
	limit    bytesize.Size // of the data of an event; 0 is no limit

	lines lineReader
	in    linePart
	out   []byte // to be sent: whole events up to mark, then the beginning of the next
	mark  int

	// Of the current event:
	size   bytesize.Size // of its data
	begun  bool          // it has data
	parted bool          // a part of it was sent
	name   string
	named  bool // the name was sent to the client

	id         string // last id read
	identified bool   // the id was sent to the client
}

// A linePart is where in a line a relay is.
type linePart int

const (
	atStart   linePart = iota
	inCopied           // the rest of the line is forwarded
	inDropped          // it is not
)

// maxHeld is how much of an event is held until it is whole, and the limit for its id and
// its name, in bytes.
const maxHeld = maxPiece

func (r *relay) run() error {
	for {
		if !r.lines.ready() {
			if err := r.send(); err != nil {
				return err
			}
		}
		piece, ends, err := r.lines.next()
		switch {
		case err == io.EOF && (r.in != atStart || r.lines.inLine() || r.begun || r.name != ""):
			return fmt.Errorf("stream: the other server ended inside an event: %w", io.ErrUnexpectedEOF)
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := r.take(piece, ends); err != nil {
			return err
		}
		if len(r.out) > maxHeld {
			if err := r.send(); err != nil {
				return err
			}
		}
	}
}

// take processes a piece of a line.
func (r *relay) take(piece []byte, ends bool) (err error) {
	switch {
	case r.in == inCopied:
		r.out = append(r.out, piece...)
		r.size += bytesize.Size(len(piece))
	case r.in == atStart && ends && len(piece) == 0:
		return r.end()
	case r.in == atStart:
		r.in, err = r.field(piece, ends)
	}
	if r.limit > 0 && r.size > r.limit {
		err = &TooLargeError{r.limit}
	}
	if !ends || err != nil {
		return err
	}
	if r.in == inCopied {
		r.out = append(r.out, '\n')
	}
	if r.in = atStart; !r.begun {
		return r.done() // of a comment, which is no event
	}
	return nil
}

// field processes a line that is not blank, or the first piece of one.
func (r *relay) field(piece []byte, ends bool) (linePart, error) {
	name, value, _ := bytes.Cut(piece, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		if !r.begun { // without data it is no event
			r.begun = true
			r.fields()
		}
		r.out = append(append(r.out, "data: "...), value...)
		r.size += bytesize.Size(len(value)) + 1
		return inCopied, nil
	case "":
		if r.comments {
			r.out = append(append(r.out, ": "...), value...)
			return inCopied, nil
		}
	case "id", "event":
		if !ends || len(value) > maxHeld {
			return inDropped, &TooLargeError{maxHeld}
		}
		if string(name) == "event" {
			r.name = string(value)
			r.named = false
		} else if bytes.IndexByte(value, 0) < 0 {
			r.id = string(bytes.Trim(value, " \t")) // see Event.ID
			r.identified = false
		}
		if r.begun {
			r.fields()
		}
	}
	return inDropped, nil
}

// fields writes the id and the name, unless the client has them.
func (r *relay) fields() {
	if !r.identified {
		r.out = appendField(r.out, "id: ", r.id)
		r.identified = true
	}
	if !r.named {
		r.out = appendField(r.out, "event: ", r.name)
		r.named = true
	}
}

// end processes the blank line.
func (r *relay) end() error {
	if r.begun {
		r.out = append(r.out, '\n')
	}
	r.begun, r.name, r.named = false, "", true
	return r.done()
}

// done ends the current event.
func (r *relay) done() error {
	r.size, r.mark = 0, len(r.out)
	if !r.parted {
		return nil
	}
	r.parted = false
	err := r.to.Part(r.out, false, true)
	r.out, r.mark = r.out[:0], 0
	return err
}

// send sends whole events, and all there is of a large one.
func (r *relay) send() (err error) {
	if r.mark > 0 {
		if err := r.to.Send(r.out[:r.mark]); err != nil {
			return err
		}
		r.out, r.mark = append(r.out[:0], r.out[r.mark:]...), 0
	}
	if r.parted && len(r.out) > 0 || len(r.out) > maxHeld {
		err = r.to.Part(r.out, !r.parted, false)
		r.parted = err == nil
		r.out = r.out[:0]
	}
	return err
}
