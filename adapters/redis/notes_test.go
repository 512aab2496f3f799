package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/apiece/apiece/adapters/redis"
)

// notedOf returns how many of the tags with numbers in a range are noted.
func notedOf(t *testing.T, s *redis.Store, from, to int) (n int) {
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

// Notes stay within their limit. A forgotten tag counts as noted, and so does every
// other, until it would have expired.
func TestNotesBounded(t *testing.T) {
	const tags, bound = 200, 64
	m := miniredis.RunT(t)
	begun := time.Now()
	m.SetTime(begun)
	s := redis.NewStore(connect(t, m.Addr()), "cache:", redis.StoreConfig{MaxTags: bound})
	for i := range tags {
		// The tags noted last expire first.
		if err := s.Note(t.Context(), fmt.Sprint("path:", i), begun.Add(time.Hour-time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	members, err := m.ZMembers("cache:generations")
	if err != nil {
		t.Fatal(err)
	}
	if most := bound + 3; len(members) > most { // "#next", "#floor" and "#noted"
		t.Errorf("%d members, want %d at most", len(members), most)
	}
	if n := notedOf(t, s, 0, tags); n != tags {
		t.Errorf("%d of %d tags are noted", n, tags)
	}
	if n := notedOf(t, s, tags, tags+10); n != 10 {
		t.Errorf("%d of 10 others are noted, want all: they may have been forgotten", n)
	}

	// All forgotten notes have expired; of the others, some are left.
	m.SetTime(begun.Add(time.Hour - 20*time.Second))
	if n := notedOf(t, s, tags, tags+10); n != 0 {
		t.Errorf("%d of 10 that were never noted are when all that was forgotten is over", n)
	}
	if n := notedOf(t, s, 0, tags); n < 20 || n > 22 {
		t.Errorf("%d tags are noted, want those of the last 20 seconds", n)
	}
	m.SetTime(begun.Add(2 * time.Hour))
	if n := notedOf(t, s, 0, tags); n != 0 {
		t.Errorf("%d tags are noted when all are over", n)
	}
	if err := s.Note(t.Context(), "path:new", time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if members, _ = m.ZMembers("cache:generations"); len(members) != 3 {
		t.Errorf("the members are %q, want what is over to be gone", members)
	}
}

// Raised and noted tags share a set. Neither counts towards the limit of the other, and
// forgetting raised tags forgets no notes.
func TestNotesAndTags(t *testing.T) {
	const bound = 16
	m := miniredis.RunT(t)
	s := redis.NewStore(connect(t, m.Addr()), "cache:", redis.StoreConfig{MaxTags: bound})
	for i := range bound {
		if err := s.Note(t.Context(), fmt.Sprint("path:", i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 * bound {
		n, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tag := fmt.Sprint("tag:", i)
		if err := s.Raise(t.Context(), n, tag); err != nil {
			t.Fatal(err)
		}
		if latest, err := s.Latest(t.Context(), tag); latest != n || err != nil {
			t.Errorf("Latest(%s) = %d, %v; want %d", tag, latest, err, n)
		}
	}
	if n := notedOf(t, s, 0, bound); n != bound {
		t.Errorf("%d of %d notes are left", n, bound)
	}
	if n := notedOf(t, s, bound, 10*bound); n != 0 {
		t.Errorf("%d tags are noted that were not", n)
	}
	if members, _ := m.ZMembers("cache:generations"); len(members) > 2*bound+2 {
		t.Errorf("%d members, want %d at most", len(members), 2*bound+2)
	}
}

// All data of a store in Redis expires by itself: the set of its numbers with the last
// entry.
func TestSetExpires(t *testing.T) {
	m := miniredis.RunT(t)
	s := redis.NewStore(connect(t, m.Addr()), "cache:", redis.StoreConfig{})
	next := func() uint64 {
		t.Helper()
		n, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const set = "cache:generations"
	next()
	if ttl := m.TTL(set); ttl != time.Hour {
		t.Errorf("a set without notes is kept for %v, want an hour", ttl)
	}
	for _, until := range []time.Duration{5 * time.Hour, time.Hour, -time.Hour} {
		if err := s.Note(t.Context(), "path:1", time.Now().Add(until)); err != nil {
			t.Fatal(err)
		}
	}
	next()
	if ttl := m.TTL(set); ttl < 5*time.Hour || ttl > 5*time.Hour+time.Minute {
		t.Errorf("the set is kept for %v, want 5 hours, as long as an entry is", ttl)
	}
	n := next()
	m.FastForward(6 * time.Hour)
	if m.Exists(set) {
		t.Error("the set has not expired")
	}
	if latest, err := s.Latest(t.Context(), "path:1"); latest <= n || err != nil {
		t.Errorf("Latest = %d, %v; want more than %d: what was raised is not known", latest, err, n)
	}
}

// Long tags, which a client may influence, take no more room than short ones.
func TestLongTags(t *testing.T) {
	m := miniredis.RunT(t)
	s := redis.NewStore(connect(t, m.Addr()), "cache:", redis.StoreConfig{})
	long := strings.Repeat("x", 1<<16)
	n, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tags := []string{"", "#", "#" + long[:32], long, long + "y", long[:33], long[:34]}
	for i, tag := range tags {
		if err := s.Raise(t.Context(), n+uint64(i), tag); err != nil {
			t.Fatal(err)
		}
	}
	for i, tag := range tags {
		if latest, err := s.Latest(t.Context(), tag); latest != n+uint64(i) || err != nil {
			t.Errorf("Latest(%.40q) = %d, %v; want %d", tag, latest, err, n+uint64(i))
		}
	}
	members, err := m.ZMembers("cache:generations")
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range members {
		if len(member) > 40 {
			t.Errorf("a member of %d bytes", len(member))
		}
	}
}
