package stream

import (
	"bytes"
	"io"
)

// maxPiece is the most bytes read of a line before it comes in pieces.
const maxPiece = 64 << 10

// A lineReader splits what it reads into lines, which end with CRLF, LF or CR (HTML
// standard, section 9.2.5), without waiting for the byte after a CR. A line that is
// longer than its buffer comes in pieces.
type lineReader struct {
	src        io.Reader
	max        int // of a piece, up to maxPiece
	buf        []byte
	start, end int  // the unconsumed part of buf
	scanned    int  // bytes of that known to have no line break
	begun      bool // past the byte order mark
	cr         bool // the last line ended in CR: a following LF belongs to it
	err        error
}

// next returns a line without its end, or a piece of one, valid until the next call; ends
// reports whether the line ends with it. A rest at the end of the stream is not a line.
func (l *lineReader) next() (piece []byte, ends bool, err error) {
	for !l.ready() {
		if l.err != nil {
			return nil, false, l.err
		}
		l.fill()
	}
	unread := l.buf[l.start:l.end]
	piece, ends = unread[:l.scanned], l.scanned < len(unread)
	l.start += l.scanned
	if ends {
		l.cr = unread[l.scanned] == '\r'
		l.start++
	}
	l.scanned = 0
	if !l.begun {
		l.begun = true
		piece = bytes.TrimPrefix(piece, []byte("\ufeff"))
	}
	return piece, ends, nil
}

// ready reports whether next returns without reading.
func (l *lineReader) ready() bool {
	if l.cr && l.start < l.end {
		l.cr = false
		if l.buf[l.start] == '\n' {
			l.start++
		}
	}
	// One loop for both finds the next break in one pass: a search for one kind would run
	// over lines that end in the other.
	unread := l.buf[l.start:l.end]
	for ; l.scanned < len(unread); l.scanned++ {
		if c := unread[l.scanned]; c == '\n' || c == '\r' {
			return true
		}
	}
	return l.scanned >= l.max
}

// inLine reports whether an unfinished line is left. The beginning of a comment does not
// count: some servers end with a truncated one.
func (l *lineReader) inLine() bool { return l.start < l.end && l.buf[l.start] != ':' }

// fill reads once. If the buffer is full it makes room, moving no byte more than a few
// times even if each read brings little. It keeps an error until the lines before it are
// consumed.
func (l *lineReader) fill() {
	if l.end == len(l.buf) {
		to := l.buf
		if l.start <= len(l.buf)/2 && len(l.buf) < maxPiece {
			to = make([]byte, max(4096, 2*len(l.buf)))
		}
		l.end = copy(to, l.buf[l.start:l.end])
		l.buf, l.start = to, 0
	}
	for range 100 {
		n, err := l.src.Read(l.buf[l.end:])
		if n > 0 || err != nil {
			l.end += n
			l.err = err
			return
		}
	}
	l.err = io.ErrNoProgress
}
