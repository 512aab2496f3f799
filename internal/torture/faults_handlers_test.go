package torture_test

import (
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A misbehaviour is a handler with its allowed outcomes: inside a Recover, and without
// one.
type misbehaviour struct {
	name         string
	serve        http.HandlerFunc
	right, alone fate
}

// misbehaviours are things that handlers should not do, and a few that they may.
func misbehaviours() (all []misbehaviour) {
	// A cache holds back what is not flushed. If a handler panics, no client sees those
	// bytes, even if complete, so the outcome differs.
	for name, value := range map[string]any{
		"nil":                     nil,
		"an error":                errors.New("made up"),
		"what cannot be compared": []int{1},
		"an error that panics":    badError{},
		"a value that panics":     badText{},
	} {
		all = append(all,
			misbehaviour{"panics before it writes with " + name, func(http.ResponseWriter, *http.Request) { panic(value) }, failed, dropped},
			misbehaviour{"panics in the middle with " + name, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "part")
				panic(value)
			}, noted | failed, dropped},
			misbehaviour{"panics after a flush with " + name, func(w http.ResponseWriter, r *http.Request) {
				flushPart(w)
				panic(value)
			}, noted, dropped},
			misbehaviour{"panics at the end with " + name, func(w http.ResponseWriter, r *http.Request) {
				sendLong(w, r)
				panic(value)
			}, wholeNoted | failed, whole | dropped})
	}
	return append(all, []misbehaviour{
		{"aborts before it writes", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, dropped, dropped},
		{"aborts in the middle", func(w http.ResponseWriter, r *http.Request) {
			flushPart(w)
			panic(http.ErrAbortHandler)
		}, dropped, dropped},
		{"ends its goroutine", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, dropped, dropped},
		{"ends its goroutine in the middle", func(w http.ResponseWriter, r *http.Request) {
			flushPart(w)
			runtime.Goexit()
		}, dropped, dropped},
		{"reads the body in a goroutine", func(w http.ResponseWriter, r *http.Request) {
			body := r.Body
			go io.Copy(io.Discard, body)
			sendLong(w, r)
		}, whole, whole},
		{"never reads the body", func(w http.ResponseWriter, r *http.Request) { sendLong(w, r) }, whole, whole},
		{"sends two headers", func(w http.ResponseWriter, r *http.Request) {
			sendLong(w, r)
			w.WriteHeader(500)
		}, whole, whole},
		{"sends two answers", func(w http.ResponseWriter, r *http.Request) {
			sendLong(w, r)
			sendLong(w, r)
		}, whole, whole},
		{"sends a status of 0", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(0) }, failed, dropped},
		{"sends a status of 99", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(99) }, failed, dropped},
		{"sends a status of 1000", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(1000) }, failed, dropped},
		{"returns an error", returning(nil), failed, failed},
		{"returns an error in the middle", returning(flushPart), noted, noted},
		{"returns an error at the end", returning(func(w http.ResponseWriter) { reply.Send(w, &http.Request{Method: "GET"}, 200, longText) }), wholeNoted, wholeNoted},
		{"sends less than it declares", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			flushPart(w)
		}, dropped, dropped},
	}...)
}

func flushPart(w http.ResponseWriter) {
	io.WriteString(w, "part")
	_ = http.NewResponseController(w).Flush()
}

func returning(first func(http.ResponseWriter)) http.HandlerFunc {
	return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if first != nil {
			first(w)
		}
		return errors.New("made up")
	}).ServeHTTP
}

type badError struct{}

func (badError) Error() string { panic("in Error") }

type badText struct{}

func (badText) String() string { panic("in String") }

// TestFaultsOfHandlers adds each layer to handlers that misbehave.
func TestFaultsOfHandlers(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range those(func(p *piece) bool { return p.over != nil && p.records == 0 }) {
		for _, m := range misbehaviours() {
			for _, s := range settings {
				n++
				right, passes := m.right, false
				if s.alone && !p.recovers {
					right, passes = m.alone, true
				}
				trial(t, "a handler that "+m.name, p.with(m.serve), s, right, passes, func(t *site) answer { return t.send(strings.NewReader(p.body), false) })
			}
		}
	}
	t.Logf("%d handlers", n)
}

// with returns the piece with another handler. The next request does not use it.
func (p *piece) with(h http.HandlerFunc) *piece {
	q := *p
	q.want = longText
	q.make = func(t *host) http.Handler {
		return p.over(t)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(nextField) != "" {
				sendLong(w, r)
				return
			}
			h(w, r)
		}))
	}
	return &q
}

// TestFaultsOfHandlersLate: what a handler does after its deadline reaches no client.
func TestFaultsOfHandlersLate(t *testing.T) {
	tidy(t)
	before := map[string]func(http.ResponseWriter, *http.Request){
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"a part":  func(w http.ResponseWriter, _ *http.Request) { flushPart(w) },
		"all":     func(w http.ResponseWriter, r *http.Request) { sendLong(w, r) },
	}
	for _, p := range those(func(p *piece) bool { return p.stops }) {
		for name, first := range before {
			right := map[string]fate{"nothing": failed, "a part": noted, "all": whole}[name]
			for _, s := range settings {
				trial(t, "a handler that is late under "+name, p.with(func(w http.ResponseWriter, r *http.Request) {
					first(w, r)
					time.Sleep(limit)
					for range 10 {
						time.Sleep(limit)
						w.Header().Set("X-Late", "1")
						w.WriteHeader(200)
						io.WriteString(w, "late")
						rc := http.NewResponseController(w)
						_ = rc.Flush()
						_ = rc.SetReadDeadline(time.Unix(1, 0))
						_ = rc.SetWriteDeadline(time.Unix(1, 0))
					}
				}), s, right, false, func(t *site) answer { return t.send(nil, false) })
			}
		}
	}
}

// TestFaultsOfHandlersStreamAfterReturn: no goroutine can write to the stream of a
// handler that has returned, heartbeats included.
func TestFaultsOfHandlersStreamAfterReturn(t *testing.T) {
	tidy(t)
	for _, s := range settings {
		var wg sync.WaitGroup
		p := getting(piece{name: "stream.Handler", status: 200, want: "data: 1\n\n", streams: true, make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{Logger: t.Logger(), Heartbeat: time.Millisecond}, func(s *stream.Stream) error {
				wg.Go(func() {
					for range 10 {
						time.Sleep(time.Millisecond)
						_ = s.Send(stream.Event{Data: "late"})
					}
				})
				return s.Send(stream.Event{Data: "1"})
			})
		}})
		trial(t, "a goroutine that goes on", &p, s, whole, false, func(t *site) answer {
			defer wg.Wait()
			return t.send(nil, false)
		})
	}
}
