package cachetest

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// A Suite tests a cache.Store and cache.Generations, and the cache.Locker if the store is
// one, against the rules of the package comment. Only Open is required. Each other
// function enables some rules; without it they are not tested, and the log says so. The
// functions get the name of the store that a test is about, and may affect all stores.
type Suite struct {
	// Open returns a new connection to the store and the generations with that name,
	// which are empty when first opened. It is closed with the test.
	Open func(t testing.TB, name string) (cache.Store, cache.Generations)
	// Wipe makes both lose everything, as a server that is started without its data.
	Wipe func(t testing.TB, name string)

	// Kill breaks every connection to the store, and returns how many there were. Clients
	// may reconnect at once.
	Kill func(t testing.TB, name string) (killed int)
	// Pause stops the server from responding, with its connections open, until resume is
	// called, as after SIGSTOP. Resume is called twice.
	Pause func(t testing.TB, name string) (resume func())
	// Restart crashes the server and starts it again, with all the data it had accepted
	// or with none.
	Restart func(t testing.TB, name string)

	// Operations is the number of requests and changes in a model run; 0 is 4,000.
	Operations int
}

// A rule is one of the rules in the package comment.
type rule struct {
	name  string
	test  func(*testing.T)
	ready bool // the Suite has what it needs
}

func (s Suite) rules() []rule {
	tb := func(test func(testing.TB)) func(*testing.T) { return func(t *testing.T) { test(t) } }
	return []rule{
		{"fields", s.fields, true},
		{"keys", s.keys, true},
		{"highest number", s.highestNumber, true},
		{"too large", s.tooLarge, true},
		{"numbers", s.numbers, true},
		{"raise", s.raise, true},
		{"many tags", s.manyTags, true},
		{"noted", s.noted, true},
		{"shared", s.shared, true},
		{"model", s.model, true},
		{"lock", s.lock, true},
		{"stampede", s.stampede, true},
		{"wiped", s.wiped, s.Wipe != nil},
		{"killed", tb(s.killed), s.Kill != nil},
		{"paused", tb(s.paused), s.Pause != nil},
		{"restarted", tb(s.restarted), s.Restart != nil},
	}
}

// Run runs the tests, each on its own store.
func (s Suite) Run(t *testing.T) {
	for _, r := range s.rules() {
		if r.ready {
			t.Run(r.name, r.test)
		} else {
			t.Logf("not tested, since the suite has no function for it: %s", r.name)
		}
	}
}

func sample(key string, number uint64) *cache.Entry {
	return &cache.Entry{
		Key: key, Number: number, Tags: []string{"path:/a b", "tag:ü", "tag:\x00\n"}, Vary: []string{"Accept", "Accept-Language"},
		Status: http.StatusOK,
		Header: http.Header{"Content-Type": {"text/html"}, "Link": {"</a>", "</b>; rel=\"x\""}, "X-Empty": {""}},
		Body:   []byte("\x00\xff<p>\r\n"), Created: time.Now(),
		Lifetime: cache.Lifetime{TTL: 90*time.Second + 1, StaleWhileRevalidate: time.Hour, StaleIfError: -1, Public: true},
	}
}

func (s Suite) fields(t *testing.T) {
	store, _ := s.Open(t, t.Name())
	if e, err := store.Get(t.Context(), "none"); e != nil || err != nil {
		t.Fatalf("Get of what is not there: %v, %v", e, err)
	}
	want := sample("key", 7)
	set(t, store, want)
	other, _ := s.Open(t, t.Name())
	got := get(t, other, "key")
	if got == nil {
		t.Fatal("what was stored is not there")
	}
	if !got.Created.Equal(want.Created) {
		t.Errorf("created %v, want %v", got.Created, want.Created)
	}
	copied := *got
	copied.Created = want.Created
	if !reflect.DeepEqual(&copied, want) {
		t.Errorf("got  %+v\nwant %+v", &copied, want)
	}
	names := &cache.Entry{Key: "names", Number: 8, Vary: []string{"Accept"}, Created: want.Created}
	set(t, store, names)
	if got := get(t, other, "names"); got == nil || got.Status != 0 || len(got.Body) != 0 || !slices.Equal(got.Vary, names.Vary) {
		t.Errorf("names of fields came out as %+v", got)
	}
}

// keys: any bytes, as long as URLs.
func (s Suite) keys(t *testing.T) {
	store, _ := s.Open(t, t.Name())
	long := string(slices.Repeat([]byte("0123456789abcdef"), 500))
	keys := []string{"", " ", "a b", "a\x00b", "a\nb", "ü\xff", "*", "a*", "a?", "[a]", "{a}", "a:b", long, long + "x"}
	for i, key := range keys {
		set(t, store, sample(key, uint64(i+1)))
	}
	for i, key := range keys {
		if e := get(t, store, key); e == nil || e.Key != key || e.Number != uint64(i+1) {
			t.Errorf("key %.40q gives %+v", key, e)
		}
	}
}

// highestNumber: a slow run must not replace the response of a later one.
func (s Suite) highestNumber(t *testing.T) {
	store, _ := s.Open(t, t.Name())
	for _, step := range []struct{ set, want uint64 }{{5, 5}, {4, 5}, {5, 5}, {9, 9}, {1, 9}} {
		set(t, store, sample("key", step.set))
		if e := get(t, store, "key"); e == nil || e.Number != step.want {
			t.Fatalf("after %d: %+v, want number %d", step.set, e, step.want)
		}
	}
	equal := sample("key", 9)
	equal.Body = []byte("again")
	set(t, store, equal)
	if e := get(t, store, "key"); e == nil || string(e.Body) != "again" {
		t.Errorf("an entry of the same number did not replace the other: %+v", e)
	}

	// An expired entry may be dropped, but must not leave the one before.
	expired := sample("key", 10)
	expired.Created = time.Now().Add(-24 * time.Hour)
	set(t, store, expired)
	if e := get(t, store, "key"); e != nil && e.Number != 10 {
		t.Errorf("after one that has expired: %+v", e)
	}

	const writers = 8
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			mine, _ := s.Open(t, t.Name())
			for n := range 25 {
				if err := mine.Set(t.Context(), sample("race", uint64(n*writers+i+1))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if e := get(t, store, "race"); e == nil || e.Number != writers*25 {
		t.Errorf("after a race: %+v, want number %d", e, writers*25)
	}
}

func (s Suite) tooLarge(t *testing.T) {
	store, _ := s.Open(t, t.Name())
	set(t, store, sample("small", 1))
	large := sample("large", 2)
	large.Body = make([]byte, 32<<20)
	set(t, store, large)
	if e := get(t, store, "large"); e != nil && len(e.Body) != len(large.Body) {
		t.Errorf("a part of a large entry was kept: %d bytes", len(e.Body))
	}
	if get(t, store, "small") == nil {
		t.Error("a large entry has pushed out a small one")
	}
}

// numbers: above all earlier ones, on every connection.
func (s Suite) numbers(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[uint64]bool)
	var wg sync.WaitGroup
	for range 8 {
		_, gens := s.Open(t, t.Name())
		wg.Go(func() {
			last := uint64(0)
			for range 100 {
				n := next(t, gens)
				mu.Lock()
				if n <= last || seen[n] {
					t.Errorf("%d after %d, seen before: %t", n, last, seen[n])
				}
				seen[n] = true
				mu.Unlock()
				last = n
			}
		})
	}
	wg.Wait()
	highest := uint64(0)
	for n := range seen {
		highest = max(highest, n)
	}
	_, gens := s.Open(t, t.Name())
	if n := next(t, gens); n <= highest {
		t.Errorf("%d after %d", n, highest)
	}
}

func (s Suite) raise(t *testing.T) {
	_, one := s.Open(t, t.Name())
	_, two := s.Open(t, t.Name())
	if n := latest(t, one, "tag:a"); n >= next(t, one) {
		t.Errorf("a tag that nobody has raised is at %d", n)
	}
	before, at, after := next(t, one), next(t, two), next(t, one)
	raise(t, one, at, "tag:a", "tag:b", "tag:\x00\n")
	raise(t, two, before, "tag:a", "tag:c")
	for _, tags := range [][]string{{"tag:a"}, {"tag:b"}, {"tag:\x00\n"}, {"tag:c", "tag:a"}, {"tag:b", "tag:never"}} {
		for _, gens := range []cache.Generations{one, two} {
			if n := latest(t, gens, tags...); n != at {
				t.Errorf("%q is at %d, want %d", tags, n, at)
			}
		}
	}
	for _, tags := range [][]string{{"tag:c"}, {"tag:never"}, {"a"}, {"tag:"}, nil} {
		if n := latest(t, two, tags...); n >= at {
			t.Errorf("%q is at %d", tags, n)
		}
	}
	raise(t, two, after)
	raise(t, two, after, "tag:a")
	if n := latest(t, one, "tag:a"); n != after {
		t.Errorf("raised again, the tag is at %d, want %d", n, after)
	}
}

// manyTags: forgotten tags count as raised.
func (s Suite) manyTags(t *testing.T) {
	_, gens := s.Open(t, t.Name())
	at := next(t, gens)
	raise(t, gens, at, "tag:first")
	batch := make([]string, 500)
	for range 40 {
		n := next(t, gens)
		for i := range batch {
			batch[i] = "tag:" + time.Duration(n).String() + time.Duration(i).String()
		}
		raise(t, gens, n, batch...)
	}
	if n := latest(t, gens, "tag:first"); n < at {
		t.Errorf("the tag that was raised to %d is at %d", at, n)
	}
	if n, now := latest(t, gens, "tag:other"), next(t, gens); n >= now {
		t.Errorf("a tag is at %d, and the next number is %d", n, now)
	}
}

// noted: every connection knows what may be stored, and what was not noted is not.
func (s Suite) noted(t *testing.T) {
	_, one := s.Open(t, t.Name())
	_, two := s.Open(t, t.Name())
	ctx := t.Context()
	for tag, until := range map[string]time.Time{"path:a": time.Now().Add(time.Hour), "path:\x00\n": time.Now().Add(time.Minute), "path:gone": time.Now().Add(-time.Hour)} {
		if err := one.Note(ctx, tag, until); err != nil {
			t.Fatalf("Note: %v", err)
		}
	}
	if err := two.Note(ctx, "path:a", time.Now().Add(time.Second)); err != nil {
		t.Fatalf("Note: %v", err)
	}
	for tag, want := range map[string]bool{"path:a": true, "path:\x00\n": true, "path:gone": false, "path:": false, "path:b": false, "a": false} {
		for _, gens := range []cache.Generations{one, two} {
			if got, err := gens.Noted(ctx, tag); got != want || err != nil {
				t.Errorf("Noted(%q) = %t, %v; want %t", tag, got, err, want)
			}
		}
	}
}

// wiped: numbers go on, and older entries are invalid.
func (s Suite) wiped(t *testing.T) {
	store, gens := s.Open(t, t.Name())
	before := next(t, gens)
	set(t, store, sample("key", before))
	s.Wipe(t, t.Name())
	if n := latest(t, gens, "tag:a"); n <= before {
		t.Errorf("a tag is at %d, and what was made at %d passes for valid", n, before)
	}
	now := next(t, gens)
	if now <= before {
		t.Errorf("number %d after %d", now, before)
	}
	if n := latest(t, gens, "tag:a"); n > now {
		t.Errorf("a tag is at %d, and what is made at %d is void", n, now)
	}
}

func set(t testing.TB, store cache.Store, e *cache.Entry) {
	t.Helper()
	if err := store.Set(context.Background(), e); err != nil {
		t.Fatalf("Set: %v", err)
	}
}

func get(t testing.TB, store cache.Store, key string) *cache.Entry {
	t.Helper()
	e, err := store.Get(context.Background(), key)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	return e
}

func next(t testing.TB, gens cache.Generations) uint64 {
	n, err := gens.Next(context.Background())
	if err != nil || n == 0 {
		t.Errorf("Next: %d, %v", n, err)
	}
	return n
}

func raise(t testing.TB, gens cache.Generations, n uint64, tags ...string) {
	t.Helper()
	if err := gens.Raise(context.Background(), n, tags...); err != nil {
		t.Fatalf("Raise: %v", err)
	}
}

func latest(t testing.TB, gens cache.Generations, tags ...string) uint64 {
	t.Helper()
	n, err := gens.Latest(context.Background(), tags...)
	if err != nil {
		t.Fatalf("Latest: %v", err)
	}
	return n
}
