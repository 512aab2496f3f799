package hub_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// book records the calls of OnPresence.
type book struct {
	mu   sync.Mutex
	told []string
}

func (b *book) write(topic, client string, present bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, strings.Join([]string{topic, client, map[bool]string{true: "comes", false: "goes"}[present]}, " "))
}

func (b *book) read() (told []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	told, b.told = b.told, nil
	slices.Sort(told) // one join is several calls
	return told
}

func as(client string, topics ...string) hub.Subscription {
	return hub.Subscription{Topics: topics, Client: client}
}

func TestPresence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		h := hub.New(hub.Config{OnPresence: b.write})
		expect := func(why string, present, told []string) {
			t.Helper()
			synctest.Wait()
			if got := h.Present("a"); !slices.Equal(got, present) {
				t.Errorf("%s: present %q, want %q", why, got, present)
			}
			if got := b.read(); !slices.Equal(got, told) {
				t.Errorf("%s: told %q, want %q", why, got, told)
			}
		}
		ann := listen(t, h, as("ann", "a", "b"))
		expect("one", []string{"ann"}, []string{"a ann comes", "b ann comes"})
		again, bob := listen(t, h, as("ann", "a")), listen(t, h, as("bob", "a"))
		listen(t, h, as("", "a"))
		expect("a second stream, and another client", []string{"ann", "bob"}, []string{"a bob comes"})
		ann.leave()
		expect("one of two streams ends", []string{"ann", "bob"}, []string{"b ann goes"})
		again.leave()
		bob.leave()
		expect("all are gone", nil, []string{"a ann goes", "a bob goes"})
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// A callback that does not return blocks nothing, and clients that come and go meanwhile
// are not reported.
func TestPresenceCallbackBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		block := make(chan bool)
		h := hub.New(hub.Config{OnPresence: func(topic, client string, present bool) {
			b.write(topic, client, present)
			<-block
		}})
		s := listen(t, h, as("ann", "a"))
		synctest.Wait()
		for i := range 1000 {
			listen(t, h, as(fmt.Sprint(i), "a")).leave()
		}
		listen(t, h, as("bob", "a"))
		s.leave()
		synctest.Wait()
		if got := h.Present("a"); !slices.Equal(got, []string{"bob"}) {
			t.Errorf("present %q", got)
		}
		close(block)
		synctest.Wait()
		if got, want := b.read(), []string{"a ann comes", "a ann goes", "a bob comes"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestPresenceCallbackPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records testkit.Log
		n := 0
		h := hub.New(hub.Config{Logger: records.Logger(), OnPresence: func(string, string, bool) { n++; panic("oops") }})
		comeAndGo(t, h)
		if n != 4 || records.Len() != n || testkit.Attr(records.Records()[0], "panic") != "oops" {
			t.Errorf("%d calls, records %v", n, records.Records())
		}
	})
}

// A callback that ends its goroutine, as t.Fatal does, breaks nothing.
func TestPresenceCallbackExits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b book
		h := hub.New(hub.Config{OnPresence: func(topic, client string, present bool) {
			b.write(topic, client, present)
			runtime.Goexit()
		}})
		comeAndGo(t, h)
		if got, want := b.read(), []string{"a ann comes", "a ann goes", "b ann comes", "b ann goes"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func comeAndGo(t *testing.T, h *hub.Hub) {
	s := listen(t, h, as("ann", "a", "b"))
	synctest.Wait()
	s.leave()
	synctest.Wait()
}

// Over a backplane presence is the union, and announcements expire.
func TestPresenceSeveralProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{cut: make(chan struct{})}
		var b book
		one := hub.New(hub.Config{Backplane: log, OnPresence: b.write, Logger: new(testkit.Log).Logger()})
		two := hub.New(hub.Config{Backplane: &log.Memory, Presence: true})
		defer one.Shutdown(t.Context())
		expect := func(h *hub.Hub, why string, want ...string) {
			t.Helper()
			time.Sleep(2 * time.Second)
			if got := h.Present("a"); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", why, got, want)
			}
		}
		ann, bob := listen(t, one, as("ann", "a")), listen(t, two, as("bob", "a"))
		both := listen(t, two, as("ann", "a"))
		expect(one, "the union", "ann", "bob")
		expect(two, "the union", "ann", "bob")
		ann.leave()
		expect(one, "still there in the other process", "ann", "bob")
		both.leave()
		expect(one, "gone in both", "bob")
		if got, want := b.read(), []string{"a ann comes", "a ann goes", "a bob comes"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}

		time.Sleep(10 * time.Minute)
		expect(one, "announced again and again", "bob")
		late := hub.New(hub.Config{Backplane: &log.Memory, Presence: true})
		expect(late, "a process that comes late knows from the log", "bob")
		late.Shutdown(t.Context())

		// Presence entries in the log reach no subscriber.
		s := listen(t, one, as("", "\x00presence"))
		synctest.Wait()
		s.expect(t)

		// The other process is disconnected now.
		log.down.Store(true)
		close(log.cut)
		time.Sleep(2 * time.Minute)
		expect(one, "not heard of for two minutes")
		bob.leave()
		two.Shutdown(t.Context())
	})
}

// A process that is shut down announces that its clients have gone.
func TestPresenceAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(backplanetest.Memory)
		one := hub.New(hub.Config{Backplane: log, Presence: true})
		two := hub.New(hub.Config{Backplane: log, Presence: true})
		defer one.Shutdown(t.Context())
		listen(t, two, as("bob", "a"))
		time.Sleep(2 * time.Second)
		if got := one.Present("a"); len(got) != 1 {
			t.Errorf("present %q", got)
		}
		if err := two.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := one.Present("a"); got != nil {
			t.Errorf("present after the other process was shut down: %q", got)
		}
	})
}

// Clients that leave at the same time change each other's places in a topic.
func TestPresenceLeavingTogether(t *testing.T) {
	h := hub.New(hub.Config{Presence: true})
	var all []*sink
	for i := range 100 {
		all = append(all, listen(t, h, hub.Subscription{Topics: []string{"a", "b", "c"}, Client: fmt.Sprint(i)}))
	}
	for len(h.Present("c")) < len(all) {
		time.Sleep(time.Millisecond)
	}
	for _, s := range all {
		s.cancel()
	}
	for _, s := range all {
		<-s.done
	}
	if got := h.Present("a"); len(got) > 0 {
		t.Errorf("%q are present, and all have left", got)
	}
}
