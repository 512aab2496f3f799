package stream

import (
	"bytes"
	"io"
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/apiece/apiece/bytesize"
)

// A Reader reads server-sent events as a browser does, by the parsing rules of the HTML
// standard, section 9.2.6, however the bytes are split. It dispatches an event at the
// line break that ends it, without waiting for the byte after a CR. It drops an
// incomplete event at the end of the stream, as the standard requires; see
// [Reader.Incomplete].
type Reader struct {
	// EventLimit bounds one line and the data of one event. 0 is 1 MB, negative is no
	// limit. Larger ones end the reading with a [*TooLargeError]. Set it before reading.
	EventLimit bytesize.Size
	// OnComment, if set, is called with each comment, such as a heartbeat. A space after
	// the colon is not part of it.
	OnComment func(text string)

	lines lineReader
	long  []byte // a line that came in pieces
	err   error  // of all further reading

	data    []byte // of the event being read
	hasData bool
	name    string
	id      string // the last event ID buffer of the standard
	lastID  string
	retry   time.Duration
}

// NewReader returns a Reader of the events in src.
func NewReader(src io.Reader) *Reader { return &Reader{lines: lineReader{src: src}} }

// LastEventID returns the id to send as Last-Event-ID when reconnecting. It may be newer
// than that of the last event: a server can send an id alone.
func (r *Reader) LastEventID() string { return r.lastID }

// Retry returns the reconnection delay that the server asked for, 0 if it never did.
func (r *Reader) Retry() time.Duration { return r.retry }

// Incomplete reports whether the stream ended inside a line or an event. [Reader.All]
// does not report that: the standard drops the rest. Check it after the loop over All if
// a truncated response must not pass for a whole one.
func (r *Reader) Incomplete() bool {
	return r.lines.err == io.EOF && (r.lines.inLine() || len(r.long) > 0 || r.hasData || r.name != "")
}

// All returns the remaining events. Event.ID is the last id seen up to then, which may be
// that of an earlier event; Name is "" if there was none; Retry and Comment are never
// set. The iteration ends with the stream, or yields a read error as the last pair.
// Ranging again continues where the last loop broke off.
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
	case r.EventLimit == 0:
		return 1 << 20
	case r.EventLimit < 0:
		return math.MaxInt
	}
	return int(min(r.EventLimit, math.MaxInt))
}

func (r *Reader) tooLarge() error {
	r.lines, r.long = lineReader{}, nil
	r.err = &TooLargeError{bytesize.Size(r.limit())}
	return r.err
}

// field processes one line that is not blank.
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
		r.lines.max = min(left, maxPiece-1) + 1 // refuses a longer line before its end arrives
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
