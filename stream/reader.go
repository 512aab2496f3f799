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
// dropped, as the standard has it.
type Reader struct {
	// MaxBytes bounds one line and the data of one event. 0 is 1 MB, and a
	// negative number is no bound. What is larger ends the reading with a
	// [*TooLargeError]. Set it before reading.
	MaxBytes int
	// OnComment, if set, is called with each comment, of which servers use to
	// make their heartbeats. A space after the colon is not part of it.
	OnComment func(text string)

	src   io.Reader
	buf   []byte // what was read and not yet consumed
	read  []byte // all of buf's memory
	begun bool   // past the byte order mark
	cr    bool   // the last line ended in CR: a LF belongs to it
	err   error

	data    []byte // of the event being read
	hasData bool
	name    string
	id      string // the last event ID buffer of the standard
	lastID  string
	retry   time.Duration
}

// NewReader returns a Reader of the events in src.
func NewReader(src io.Reader) *Reader { return &Reader{src: src} }

// A TooLargeError says that an event passed [Reader.MaxBytes].
type TooLargeError struct{ Limit int }

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("stream: event over %d bytes", e.Limit)
}

// LastEventID returns the id to send as Last-Event-ID on a reconnection. It
// may be newer than that of the last event: a server can send an id alone.
func (r *Reader) LastEventID() string { return r.lastID }

// Retry returns the reconnection delay that the server asked for, or 0 if it
// never did.
func (r *Reader) Retry() time.Duration { return r.retry }

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
	r.buf, r.err = nil, &TooLargeError{r.limit()}
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

// line returns the next line without its end, valid until the next call. At
// the end of the stream what is left over is no line.
func (r *Reader) line() ([]byte, error) {
	for scanned := 0; ; {
		if r.cr && len(r.buf) > 0 {
			r.cr = false
			if r.buf[0] == '\n' {
				r.buf = r.buf[1:]
			}
		}
		// One loop for both, and each byte is looked at once: a search for one
		// of them would run over lines that end in the other.
		for ; scanned < len(r.buf); scanned++ {
			if c := r.buf[scanned]; c == '\n' || c == '\r' {
				line := r.buf[:scanned]
				r.buf = r.buf[scanned+1:]
				r.cr = c == '\r'
				if len(line) > r.limit() {
					return nil, r.tooLarge()
				}
				if !r.begun {
					r.begun = true
					line = bytes.TrimPrefix(line, []byte("\ufeff"))
				}
				return line, nil
			}
		}
		if len(r.buf) > r.limit() {
			return nil, r.tooLarge()
		}
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
}

// fill reads once, making room first. An error is kept until the lines before
// it are consumed.
func (r *Reader) fill() {
	if len(r.buf) == len(r.read) {
		r.read = make([]byte, max(4096, 2*len(r.read)))
	}
	n := copy(r.read, r.buf)
	r.buf = r.read[:n]
	for range 100 {
		m, err := r.src.Read(r.read[n:])
		if m > 0 || err != nil {
			r.buf, r.err = r.read[:n+m], err
			return
		}
	}
	r.err = io.ErrNoProgress
}
