package stream

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"time"
)

// A Reader reads server-sent events as a browser does: the parsing rules of
// the HTML standard, section 9.2.6, however the bytes happen to be cut. An
// event is dispatched with the line break that ends it, without waiting for
// the byte after a CR. An event that is not complete when the stream ends is
// dropped, as the standard has it; see [Reader.Incomplete].
type Reader struct {
	// MaxBytes bounds one line and the data of one event. 0 is 1 MB, and a
	// negative number is no bound. What is larger ends the reading with a
	// [*TooLargeError]. Set it before reading.
	MaxBytes int
	// OnComment, if set, is called with each comment, of which servers use to
	// make their heartbeats. A space after the colon is not part of it.
	OnComment func(text string)

	lines lineReader
	long  []byte // a line that came in pieces
	err   error  // that of all reading from now on

	data    []byte // of the event being read
	hasData bool
	name    string
	id      string // the last event ID buffer of the standard
	lastID  string
	retry   time.Duration
}

// NewReader returns a Reader of the events in src.
func NewReader(src io.Reader) *Reader { return &Reader{lines: lineReader{src: src}} }

// A TooLargeError says that an event passed [Reader.MaxBytes].
type TooLargeError struct {
	Limit int // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("stream: event over %d bytes", e.Limit)
}

// LastEventID returns the id to send as Last-Event-ID on a reconnection. It
// may be newer than that of the last event: a server can send an id alone.
func (r *Reader) LastEventID() string { return r.lastID }

// Retry returns the reconnection delay that the server asked for, or 0 if it
// never did.
func (r *Reader) Retry() time.Duration { return r.retry }

// Incomplete reports whether the stream has ended inside a line or an event, of
// which [Reader.All] says nothing: the standard drops it. Where half an answer
// must not pass for a whole one, ask when the loop over All is done.
func (r *Reader) Incomplete() bool {
	return r.lines.err == io.EOF && (r.lines.inLine() || len(r.long) > 0 || r.hasData || r.name != "")
}

// All returns the events that follow. Event.ID is the last id seen up to then,
// which the server may have sent with an earlier event; Name is "" where none
// was given; Retry and Comment are never set. The end of the stream ends the
// iteration, a failure to read is yielded as the last pair. Ranging again
// continues where the last loop broke off.
func (r *Reader) All() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := r.next()
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

func (r *Reader) next() (Event, error) {
	for {
		line, err := r.line()
		if err != nil {
			return Event{}, err
		}
		if len(line) > 0 {
			r.field(line)
			if len(r.data)-1 > r.limit() {
				return Event{}, r.tooLarge()
			}
			continue
		}
		r.lastID = r.id
		event := Event{ID: r.id, Name: r.name, Data: string(bytes.TrimSuffix(r.data, newline))}
		dispatch := r.hasData
		r.data, r.hasData, r.name = r.data[:0], false, ""
		if dispatch {
			return event, nil
		}
	}
}

var newline = []byte{'\n'}

func (r *Reader) limit() int {
	switch {
	case r.MaxBytes == 0:
		return 1 << 20
	case r.MaxBytes < 0:
		return math.MaxInt
	}
	return r.MaxBytes
}

func (r *Reader) tooLarge() error {
	r.lines, r.long = lineReader{}, nil
	r.err = &TooLargeError{r.limit()}
	return r.err
}

// field takes in one line that is not blank.
func (r *Reader) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "":
		if r.OnComment != nil {
			r.OnComment(string(appendValid(nil, value)))
		}
	case "data":
		r.data = append(appendValid(r.data, value), '\n')
		r.hasData = true
	case "event":
		r.name = string(appendValid(nil, value))
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			r.id = string(appendValid(nil, value))
		}
	case "retry":
		for _, c := range value {
			if c < '0' || c > '9' {
				return
			}
		}
		if ms, err := strconv.ParseInt(string(value), 10, 64); err == nil && ms <= math.MaxInt64/int64(time.Millisecond) {
			r.retry = time.Duration(ms) * time.Millisecond
		}
	}
}

// line returns the next line without its end, valid until the next call.
func (r *Reader) line() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	if cap(r.long) > 1<<20 {
		r.long = nil
	}
	r.long = r.long[:0]
	for {
		left := r.limit() - len(r.long)
		r.lines.max = min(left, maxPiece-1) + 1 // what is longer is refused without waiting for its end
		piece, ends, err := r.lines.next()
		switch {
		case err != nil:
			return nil, err
		case len(piece) > left:
			return nil, r.tooLarge()
		case ends && len(r.long) == 0:
			return piece, nil
		}
		if r.long = append(r.long, piece...); ends {
			return r.long, nil
		}
	}
}
