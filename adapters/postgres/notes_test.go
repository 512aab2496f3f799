package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware/cache"
)

// notedOf returns how many of the tags with numbers in a range are noted.
func notedOf(t *testing.T, s *postgres.Store, from, to int) (n int) {
	t.Helper()
	for i := from; i < to; i++ {
		noted, err := s.Noted(t.Context(), fmt.Sprint("path:", i))
		if err != nil {
			t.Fatal(err)
		}
		if noted {
			n++
		}
	}
	return n
}

func next(t *testing.T, s *postgres.Store) uint64 {
	t.Helper()
	n, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func sweep(t *testing.T, s *postgres.Store) {
	t.Helper()
	eventually(t, "the sweep that began by itself has ended", func() bool { return !s.Sweeping() })
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows returns how many rows a store has in a table.
func rows(t *testing.T, s *server, table, store string) int64 {
	t.Helper()
	return s.exec(t, `select from apiece_`+table+` where store = $1`, store)
}

// Notes stay within their limit. A forgotten tag counts as noted, and so does every
// other, until it would have expired.
func TestNotesBounded(t *testing.T) {
	const tags, bound = 200, 64
	server := database(t)
	s := postgres.NewStore(connect(t, server.addr), t.Name(), postgres.StoreConfig{MaxTags: bound})
	next(t, s)
	begun := time.Now()
	for i := range tags {
		// The tags noted last expire first.
		if err := s.Note(t.Context(), fmt.Sprint("path:", i), begun.Add(time.Hour-time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t, s)
	if n := rows(t, server, "note", t.Name()); n > bound {
		t.Errorf("%d are remembered, want %d at most", n, bound)
	}
	if n := notedOf(t, s, 0, tags); n != tags {
		t.Errorf("%d of %d tags are noted", n, tags)
	}
	if n := notedOf(t, s, tags, tags+10); n != 10 {
		t.Errorf("%d of 10 others are noted, want all: they may have been forgotten", n)
	}

	// All forgotten notes have expired; of the others, some are left.
	pass := func(d time.Duration) {
		server.exec(t, `update apiece_note set until = until - $2::interval where store = $1`, t.Name(), d)
		server.exec(t, `update apiece_store set noted = noted - $2::interval where name = $1`, t.Name(), d)
	}
	pass(time.Hour - 20*time.Second)
	if n := notedOf(t, s, tags, tags+10); n != 0 {
		t.Errorf("%d of 10 that were never noted are when all that was forgotten is over", n)
	}
	if n := notedOf(t, s, 0, tags); n > 22 {
		t.Errorf("%d tags are noted, want those of the last 20 seconds", n)
	}
	pass(time.Hour)
	if n := notedOf(t, s, 0, tags); n != 0 {
		t.Errorf("%d tags are noted when all are over", n)
	}
	sweep(t, s)
	if n := rows(t, server, "note", t.Name()); n != 0 {
		t.Errorf("%d that are over are remembered", n)
	}
}

// A forgotten raised tag counts as raised. Notes are not forgotten for it.
func TestTagsBounded(t *testing.T) {
	const bound = 16
	server := database(t)
	s := postgres.NewStore(connect(t, server.addr), t.Name(), postgres.StoreConfig{MaxTags: bound})
	for i := range bound / 2 {
		if err := s.Note(t.Context(), fmt.Sprint("path:", i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	raised := make(map[string]uint64)
	for i := range 10 * bound {
		n, tag := next(t, s), fmt.Sprint("tag:", i)
		if err := s.Raise(t.Context(), n, tag, tag, "all"); err != nil {
			t.Fatal(err)
		}
		raised[tag] = n
		if latest, err := s.Latest(t.Context(), tag); latest != n || err != nil {
			t.Errorf("Latest(%s) = %d, %v; want %d", tag, latest, err, n)
		}
	}
	sweep(t, s)
	if n := rows(t, server, "tag", t.Name()); n > bound {
		t.Errorf("%d are remembered, want %d at most", n, bound)
	}
	for tag, n := range raised {
		if latest, err := s.Latest(t.Context(), tag); latest < n || err != nil {
			t.Errorf("Latest(%s) = %d, %v; it was raised to %d", tag, latest, err, n)
		}
	}
	if latest, err := s.Latest(t.Context(), "another"); latest >= next(t, s) || err != nil {
		t.Errorf("Latest = %d, %v; what is made now would be void", latest, err)
	}
	if n := notedOf(t, s, 0, bound); n != bound/2 {
		t.Errorf("%d of %d notes are left", n, bound/2)
	}
}

// Entries make room for those that expire later, and are deleted when they have expired.
// So are locks.
func TestEntriesBounded(t *testing.T) {
	const size = 100 * bytesize.KB
	server := database(t)
	s := postgres.NewStore(connect(t, server.addr), t.Name(), postgres.StoreConfig{SizeLimit: size, EntryLimit: 20 * bytesize.KB})
	set := func(i int, bytes int) {
		t.Helper()
		e := &cache.Entry{Key: fmt.Sprint(i), Number: 1, Body: []byte(strings.Repeat("x", bytes)), Created: time.Now()}
		e.Lifetime.TTL = time.Hour + time.Duration(i)*time.Second
		if err := s.Set(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		set(i, 5_000)
	}
	eventually(t, "there is room", func() bool { return rows(t, server, "entry", t.Name()) < 40 })
	sweep(t, s)
	if n := rows(t, server, "entry", t.Name()); n > 20 || n < 10 {
		t.Errorf("%d entries of 5 KB are kept in %v", n, size)
	}
	if e, err := s.Get(t.Context(), "199"); e == nil || err != nil {
		t.Errorf("the last to expire is %v, %v", e, err)
	}
	set(199, 30_000)
	if e, err := s.Get(t.Context(), "199"); e != nil || err != nil {
		t.Errorf("after one that is too large: %v, %v", e, err)
	}
	if _, err := s.Lock(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	server.exec(t, `update apiece_entry set expires = now() - interval '1 s' where store = $1`, t.Name())
	server.exec(t, `update apiece_lock set until = now() - interval '1 s' where store = $1`, t.Name())
	sweep(t, s)
	if entries, locks := rows(t, server, "entry", t.Name()), rows(t, server, "lock", t.Name()); entries != 0 || locks != 0 {
		t.Errorf("%d entries and %d locks are left", entries, locks)
	}
}

// A failed sweep is reported, and not only once it has filled the disk.
func TestSweepFails(t *testing.T) {
	server := database(t)
	s := postgres.NewStore(connect(t, server.addr), "store", postgres.StoreConfig{SizeLimit: bytesize.KB})
	server.exec(t, `alter table apiece_entry owner to admin`)
	server.exec(t, `grant select, insert, update on apiece_entry to apiece`)
	e := &cache.Entry{Key: "key", Number: 1, Created: time.Now(), Lifetime: cache.Lifetime{TTL: time.Hour}}
	eventually(t, "Set tells", func() bool {
		err := s.Set(t.Context(), e)
		return err != nil && strings.Contains(err.Error(), "permission denied")
	})
}
