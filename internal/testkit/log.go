package testkit

import (
	"context"
	"log/slog"
	"sync"
)

// A Log is a slog.Handler that keeps its records.
type Log struct {
	// Last is how many records are kept, 0 for all: a long run has too many.
	Last int

	mu      sync.Mutex
	records []slog.Record
	total   int
}

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(l) }

// Len returns the number of records so far.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Records returns the records so far, only the last ones if Last is set.
func (l *Log) Records() []slog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]slog.Record(nil), l.records...)
}

// Attr returns the named attribute of the record as text, "" if it has none.
func Attr(rec slog.Record, name string) (text string) {
	rec.Attrs(func(a slog.Attr) bool {
		if a.Key == name {
			text = a.Value.String()
			return false
		}
		return true
	})
	return text
}

func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

func (l *Log) Handle(_ context.Context, rec slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if l.records = append(l.records, rec.Clone()); l.Last > 0 && len(l.records) > 2*l.Last {
		l.records = append(l.records[:0:0], l.records[l.Last:]...)
	}
	return nil
}

func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *Log) WithGroup(string) slog.Handler      { return l }
