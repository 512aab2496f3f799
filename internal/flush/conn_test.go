package flush_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// prepared returns a Conn with heartbeats that writes to w.
func prepared(t testing.TB, w http.ResponseWriter, ctx context.Context, every time.Duration) *flush.Conn {
	c := new(flush.Conn)
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	if err := c.Prepare(w, r, flush.Config{MediaType: flush.EventStream, Closes: true}); err != nil {
		t.Fatal(err)
	}
	if every > 0 {
		c.StartHeartbeat(every, []byte(":"))
	}
	return c
}

// An actor takes its steps in sequence, each on command.
type actor struct {
	name  string
	steps []func(*flush.Conn) error
}

func send(text string) func(*flush.Conn) error {
	return func(c *flush.Conn) error { return c.Send([]byte(text)) }
}

func part(text string, first, last bool) func(*flush.Conn) error {
	return func(c *flush.Conn) error { return c.Part([]byte(text), first, last) }
}

func tick(*flush.Conn) error       { time.Sleep(time.Second); return nil }
func shut(c *flush.Conn) error     { c.Close(true); return nil }
func breakOff(c *flush.Conn) error { c.Break(); return errors.New("broken") }

// TestConnInterleavings goes through every order of the steps of those that share a Conn:
// two that send a message in parts, one that sends, the timer, and the handler that
// returns or a context that ends. In any order, no write interrupts a message in parts,
// no bytes follow the end or an incomplete message, every message sent arrives, and all
// of them end.
func TestConnInterleavings(t *testing.T) {
	for _, end := range []string{"return", "cancel", "break"} {
		ends, wants := part("a>", false, true), 3360
		if end == "break" {
			ends = breakOff
		}
		actors := []actor{
			{"a", []func(*flush.Conn) error{part("<a", true, false), part("a", false, false), ends}},
			{"b", []func(*flush.Conn) error{part("<b", true, false), part("b>", false, true)}},
			{"s", []func(*flush.Conn) error{send("s")}},
			{"t", []func(*flush.Conn) error{tick}},
			{end, []func(*flush.Conn) error{shut}},
		}
		n := 0
		var order func(left []int, path []int)
		order = func(left []int, path []int) {
			last := true
			for i := range left {
				if left[i] > 0 {
					last = false
					left[i]--
					order(left, append(path, i))
					left[i]++
				}
			}
			if last {
				n++
				synctest.Test(t, func(t *testing.T) { play(t, actors, path) })
			}
		}
		order([]int{3, 2, 1, 1, 1}, nil)
		if n != wants {
			t.Errorf("%d orders, want %d", n, wants)
		}
	}
}

func play(t *testing.T, actors []actor, path []int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := httptest.NewRecorder()
	c := prepared(t, w, ctx, time.Second)
	gates, errs := make([]chan bool, len(actors)), make([]error, len(actors))
	var all sync.WaitGroup
	for i, a := range actors {
		gates[i] = make(chan bool, len(a.steps))
		all.Go(func() {
			for _, step := range a.steps {
				<-gates[i]
				switch a.name {
				case "cancel":
					cancel()
					continue
				case "break": // the actor that breaks off is enough
					continue
				}
				if errs[i] != nil {
					continue
				}
				errs[i] = step(c)
			}
		})
	}
	var names []string
	ended := ""
	for _, i := range path {
		names = append(names, actors[i].name)
		gates[i] <- true
		synctest.Wait()
		if actors[i].name == "t" {
			time.Sleep(time.Second)
		}
		if actors[i].name == "return" {
			ended = w.Body.String()
		}
	}
	all.Wait()
	c.Close(false)
	got := w.Body.String()
	complain := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s: %q: %s", strings.Join(names, " "), got, fmt.Sprintf(format, args...))
	}
	if last := actors[len(actors)-1].name; last == "return" && got != ended {
		complain("%q was sent after the end", got[len(ended):])
	}
	rest := strings.NewReplacer("<aaa>", "", "<bb>", "", "s", "", ":", "").Replace(got)
	if rest != "" && (!strings.HasSuffix(got, rest) || !strings.HasPrefix("<aaa>", rest) && !strings.HasPrefix("<bb>", rest)) {
		complain("something is between the parts")
	}
	for i, whole := range []string{"<aaa>", "<bb>", "s"} {
		if n := strings.Count(got, whole); n != map[bool]int{true: 1}[errs[i] == nil] {
			complain("%s is there %d times, with error %v", whole, n, errs[i])
		}
	}
	time.Sleep(time.Hour)
	if w.Body.String() != got {
		complain("a heartbeat after the end")
	}
}

// TestConnWriterPanics: a heartbeat to a writer that panics does not end the process.
func TestConnWriterPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := prepared(t, panics{httptest.NewRecorder()}, t.Context(), time.Second)
		time.Sleep(time.Minute)
		if err := c.Send([]byte("s")); err == nil {
			t.Error("sent after a panic")
		}
		c.Close(false)
	})
}

type panics struct{ *httptest.ResponseRecorder }

func (panics) Write([]byte) (int, error) { panic("on purpose") }

// TestConnOpensAfterDeadline: a deadline that has passed keeps the stream from opening,
// however often it is tried.
func TestConnOpensAfterDeadline(t *testing.T) {
	node, r := exchange.Copy(httptest.NewRequest("GET", "/", nil), nil)
	node.Set(exchange.Deadline, late{})
	w := httptest.NewRecorder()
	c := new(flush.Conn)
	if err := c.Prepare(w, r, flush.Config{MediaType: flush.EventStream}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Send([]byte("s")); !errors.Is(err, http.ErrHandlerTimeout) || w.Body.Len() > 0 {
			t.Errorf("%v, %q", err, w.Body)
		}
	}
}

// late is a Timeout that has expired.
type late struct{}

func (late) Extend(time.Duration) error    { return http.ErrHandlerTimeout }
func (late) AtLeast(time.Duration) error   { return http.ErrHandlerTimeout }
func (late) EndsWithin(time.Duration) bool { return false }
func (late) Reading(bool)                  {}

var _ exchange.Extender = late{}

// TestConnStorm shares a Conn among many goroutines, for the race detector.
func TestConnStorm(t *testing.T) {
	for range 20 {
		w := httptest.NewRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		c := prepared(t, w, ctx, time.Microsecond)
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for range 50 {
					if i%2 == 0 {
						_ = c.Send([]byte("s"))
						continue
					}
					if c.Part([]byte("<"), true, false) != nil {
						return
					}
					if c.Part([]byte("-"), false, false) != nil || c.Part([]byte(">"), false, true) != nil {
						return
					}
				}
			})
		}
		if rand.IntN(2) == 0 {
			all.Go(func() { time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond); cancel() })
		} else {
			all.Go(func() { time.Sleep(time.Duration(rand.IntN(500)) * time.Microsecond); c.Close(true) })
		}
		all.Wait()
		c.Close(true)
		cancel()
		got := w.Body.String()
		if rest := strings.NewReplacer("<->", "", "s", "", ":", "").Replace(got); !strings.HasPrefix("<->", rest) || !strings.HasSuffix(got, rest) {
			t.Fatalf("%q is between the parts of %q", rest, got)
		}
	}
}
