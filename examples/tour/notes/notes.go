// Package notes is what the service of the tour keeps its data in. It stands for
// a database.
package notes

import (
	"slices"
	"strconv"
	"sync"
)

// A Note is what the service keeps.
type Note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Store keeps notes in memory. The zero value is empty and ready to use, by
// several handlers at once.
type Store struct {
	mu    sync.Mutex
	notes []Note
	reads int
}

// Add keeps a note and returns it with its ID.
func (s *Store) Add(text string) Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	note := Note{strconv.Itoa(len(s.notes) + 1), text}
	s.notes = append(s.notes, note)
	return note
}

// All returns the notes, the oldest first. It is never nil, so that JSON has [] for
// none.
func (s *Store) All() []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return append([]Note{}, s.notes...)
}

// Find returns the note with the ID.
func (s *Store) Find(id string) (note Note, ok bool) {
	notes := s.All()
	i := slices.IndexFunc(notes, func(n Note) bool { return n.ID == id })
	if i < 0 {
		return Note{}, false
	}
	return notes[i], true
}

// Reads is how often the notes were read, which a cache makes less.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}
