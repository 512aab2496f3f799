// Package notes is the data store of the tour. It stands for a database.
package notes

import (
	"slices"
	"strconv"
	"sync"
)

// A Note is a stored note.
type Note struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// A Store stores notes in memory. The zero value is empty and ready to use, and is
// safe for concurrent use.
type Store struct {
	mu    sync.Mutex
	notes []Note
	reads int
}

// Add stores a note and returns it with its ID.
func (s *Store) Add(text string) Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	note := Note{strconv.Itoa(len(s.notes) + 1), text}
	s.notes = append(s.notes, note)
	return note
}

// All returns the notes, oldest first. It is never nil, so that an empty list is [] in JSON.
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

// Reads returns how often the notes were read. A cache reduces it.
func (s *Store) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}
