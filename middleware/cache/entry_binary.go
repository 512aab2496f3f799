package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// entryFormat is the first byte of an encoded entry. 1 was the format that the adapters
// had before there was this one.
const entryFormat = 2

var (
	errEntryFormat = errors.New("cache: not an Entry, or one of another format")
	errEntryBroken = errors.New("cache: an encoded Entry is not complete or not valid")
)

// AppendBinary appends the encoded entry to b. It implements [encoding.BinaryAppender],
// and fails only for a Status that no response can have.
func (e *Entry) AppendBinary(b []byte) ([]byte, error) {
	if e.Status < 0 || e.Status > 999 {
		return b, fmt.Errorf("cache: an Entry with the status %d", e.Status)
	}
	b = append(slices.Grow(b, int(e.Size())), entryFormat)
	b = appendText(b, e.Key)
	b = binary.AppendUvarint(b, e.Number)
	b = appendTexts(b, e.Tags)
	b = appendTexts(b, e.Vary)
	b = binary.AppendUvarint(b, uint64(e.Status))
	b = binary.AppendUvarint(b, uint64(len(e.Header)))
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		b = appendText(b, name)
		b = appendTexts(b, e.Header[name])
	}
	b = appendText(b, e.Body)
	b = binary.AppendVarint(b, e.Created.Unix())
	b = binary.AppendUvarint(b, uint64(e.Created.Nanosecond()))
	for _, d := range []time.Duration{e.Lifetime.TTL, e.Lifetime.StaleWhileRevalidate, e.Lifetime.StaleIfError} {
		b = binary.AppendVarint(b, int64(d))
	}
	if e.Lifetime.Public {
		return append(b, 1), nil
	}
	return append(b, 0), nil
}

// MarshalBinary encodes the entry, for a [Store] outside of the process. It implements
// [encoding.BinaryMarshaler]. Equal entries have equal encodings.
//
// The format is stable within a major version of this module: what one release encodes,
// every other of that version decodes. UnmarshalBinary refuses any other format, which a
// Store should report as no entry.
func (e *Entry) MarshalBinary() ([]byte, error) { return e.AppendBinary(nil) }

// UnmarshalBinary sets e to the entry that data encodes, all of it. It implements
// [encoding.BinaryUnmarshaler]. For other data it returns an error and leaves e as it
// was. It keeps nothing of data, and allocates in proportion to len(data), whatever that
// says. An empty list, header or body is nil, and Created is in local time.
func (e *Entry) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != entryFormat {
		return errEntryFormat
	}
	r := entryReader{rest: data[1:]}
	read := Entry{
		Key:     r.text(),
		Number:  r.unsigned(),
		Tags:    r.texts(),
		Vary:    r.texts(),
		Status:  int(r.upTo(999)),
		Header:  r.header(),
		Body:    bytes.Clone(r.bytes()),
		Created: time.Unix(r.signed(), int64(r.upTo(999_999_999))),
		Lifetime: Lifetime{
			TTL:                  time.Duration(r.signed()),
			StaleWhileRevalidate: time.Duration(r.signed()),
			StaleIfError:         time.Duration(r.signed()),
			Public:               r.upTo(1) == 1,
		},
	}
	if r.broken || len(r.rest) > 0 {
		return errEntryBroken
	}
	*e = read
	return nil
}

// appendText appends the length of a text and the text.
func appendText[T string | []byte](b []byte, text T) []byte {
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// appendTexts appends the number of texts and the texts.
func appendTexts(b []byte, texts []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(texts)))
	for _, text := range texts {
		b = appendText(b, text)
	}
	return b
}

// An entryReader reads the fields of an encoded entry. After the first that is not valid,
// all of them are zero.
type entryReader struct {
	rest   []byte
	broken bool
}

func (r *entryReader) fail() { r.rest, r.broken = nil, true }

func (r *entryReader) unsigned() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *entryReader) signed() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// upTo reads a number that is not above most.
func (r *entryReader) upTo(most uint64) uint64 {
	n := r.unsigned()
	if n > most {
		r.fail()
		return 0
	}
	return n
}

// count reads a number of bytes or texts. A text takes a byte at least, so there are not
// more than bytes left.
func (r *entryReader) count() int {
	n := r.unsigned()
	if n > uint64(len(r.rest)) {
		r.fail()
		return 0
	}
	return int(n)
}

// bytes returns a part of the data, nil if it is empty.
func (r *entryReader) bytes() (part []byte) {
	n := r.count()
	if n == 0 {
		return nil
	}
	part, r.rest = r.rest[:n], r.rest[n:]
	return part
}

func (r *entryReader) text() string { return string(r.bytes()) }

func (r *entryReader) texts() (texts []string) {
	n := r.count()
	if n == 0 {
		return nil
	}
	texts = make([]string, 0, n)
	for range n {
		texts = append(texts, r.text())
	}
	return texts
}

// header reads a header, whose names are in order, so that none is there twice.
func (r *entryReader) header() (h http.Header) {
	n := r.count()
	if n == 0 {
		return nil
	}
	h = make(http.Header, min(n, 32)) // a map is much larger than the data it is made of
	last := ""
	for i := range n {
		name := r.text()
		if i > 0 && name <= last {
			r.fail()
		}
		h[name], last = r.texts(), name
		if r.broken {
			return nil
		}
	}
	return h
}
