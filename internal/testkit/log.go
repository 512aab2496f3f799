package testkit

import (
	"context"
	"log/slog"
	"sync"
)

// A Log is a slog.Handler that keeps its records.
type Log struct {
	mu      sync.Mutex
	records []slog.Record
}

// Logger returns a logger that writes to l.
func (l *Log) Logger() *slog.Logger { return slog.New(l) }

// Records returns the records so far.
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
	l.records = append(l.records, rec.Clone())
	return nil
}

func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *Log) WithGroup(string) slog.Handler      { return l }
