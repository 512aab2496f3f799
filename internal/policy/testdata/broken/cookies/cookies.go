// Package cookies has names without comments.
//
// # Differences from Next.js
//
// None.
//
// # Afterword
//
// This section stands at the end instead.
package cookies

import (
	_ "github.com/apiece/apiece/bytesize" // allowed
	_ "github.com/apiece/apiece/reply"
)

// A comment for the group.
const (
	InGroup  = 1
	InGroup2 = 2
)

const (
	// Documented shares its comment with the next line.
	Documented = iota
	Shared

	Alone
	Trailing // a trailing comment
)

type Undocumented int

// Method has a comment.
func (Undocumented) Method() {}

func (*Undocumented) Pointer() {}

func Function() {}

// A Config has a comment for every field.
type Config struct {
	// One has a comment.
	One int
	Two int

	Three int // has a comment

	hidden int
}

// An Event may share comments.
type Event struct {
	Name string // shared by the block
	Data string

	ID string
}

// A Store is an interface.
type Store interface {
	// Get has a comment.
	Get(key string) (value string, ok bool)

	Set(key, value string)
}

type generic[T any] struct{}

func (generic[T]) Exported() {} // its type is not exported
