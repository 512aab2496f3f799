package cache

import (
	"net/http"
	"time"

	"github.com/apiece/apiece/bytesize"
)

// An Entry is what a [Store] holds: a response, or, for a URL whose responses vary, the
// names of the header fields that they vary with; or neither, which counts as no entry.
// It is not changed once it is made. A store must return all fields as they were.
type Entry struct {
	// Key is what the entry is for. The cache compares it, so that a store may
	// use a hash of it.
	Key string
	// Number is the place of the handler's run in the sequence of [Generations]. The
	// entry is valid unless one of its Tags was raised above it.
	Number uint64
	Tags   []string
	// Vary has the names of the fields, in canonical form and sorted.
	Vary []string

	// Status, Header and Body are the response. Status is 0 if there is none.
	Status int
	Header http.Header
	Body   []byte
	// Created is when the response was made.
	Created time.Time
	// Lifetime is how long and to which clients the response may be served.
	Lifetime Lifetime

	fields *fields // of Header, if this process made the entry and every field has one value
}

// Expires returns the time after which the cache will not ask for the entry.
func (e *Entry) Expires() time.Time {
	// Not the sum: a TTL without end is the largest Duration.
	return e.Created.Add(e.Lifetime.TTL).Add(max(e.Lifetime.StaleWhileRevalidate, e.Lifetime.StaleIfError, 0))
}

// Size returns about how much memory the entry takes, in bytes.
func (e *Entry) Size() bytesize.Size {
	const fixed, perString = 400, 48 // structs, map slots and headers of slices
	n := fixed + len(e.Key) + len(e.Body)
	for name, values := range e.Header {
		n += perString + len(name)
		for _, v := range values {
			n += perString + len(v)
		}
	}
	for _, list := range [][]string{e.Tags, e.Vary} {
		for _, s := range list {
			n += perString + len(s)
		}
	}
	return bytesize.Size(n)
}
