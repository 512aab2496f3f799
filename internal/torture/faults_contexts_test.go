package torture_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// cancelling gives the request a context that the body or another function can cancel.
func cancelling(when func(*http.Request, context.CancelFunc)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			r = r.WithContext(ctx)
			when(r, cancel)
			h.ServeHTTP(w, r)
		})
	}
}

// TestFaultsOfContextsCanceled: a canceled request gets a complete response or none,
// and no log record.
func TestFaultsOfContextsCanceled(t *testing.T) {
	tidy(t)
	moments := map[string]func(*http.Request, context.CancelFunc){
		"before": func(_ *http.Request, cancel context.CancelFunc) { cancel() },
		"while the body is read": func(r *http.Request, cancel context.CancelFunc) {
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(r.Body, 100), readerFunc(func(p []byte) (int, error) { cancel(); return 0, io.EOF }), r.Body), r.Body}
		},
		"at some time": func(_ *http.Request, cancel context.CancelFunc) { time.AfterFunc(limit/2, cancel) },
	}
	n := 0
	for _, p := range pieces() {
		for name, when := range moments {
			for _, s := range settings {
				right := whole | dropped
				if p.reads {
					right |= refused
				}
				if p.open {
					right |= ended
				}
				if p.records > 0 {
					right |= noted
				}
				n++
				s.around = cancelling(when)
				trial(t, "canceled "+name, &p, s, right, false, func(t *site) answer { return t.send(nil, false) })
			}
		}
	}
	t.Logf("%d canceled requests", n)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A lastStraw cancels the context of its request when it is encoded.
type lastStraw struct{ cancel context.CancelFunc }

func (l lastStraw) MarshalJSON() ([]byte, error) {
	l.cancel()
	return json.Marshal(longText)
}

// TestFaultsOfContextsCanceledWhileEncoding: the same, in the middle of a response.
func TestFaultsOfContextsCanceledWhileEncoding(t *testing.T) {
	tidy(t)
	straw := func(r *http.Request) lastStraw { return r.Context().Value(strawKey{}).(lastStraw) }
	text := fmt.Sprintf("%q", longText)
	for _, p := range []piece{
		{name: "reply.JSON", want: text, make: answering(func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(w, r, 200, straw(r))
		})},
		{name: "bind.Func", want: text, make: func(*host) http.Handler {
			return bind.Func(func(r *http.Request, _ struct{}) (lastStraw, error) { return straw(r), nil })
		}},
		{name: "stream.Stream.SendJSON", want: "data: " + text + "\n\n", make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{Logger: t.Logger()}, func(s *stream.Stream) error { return s.SendJSON(straw(s.Request())) })
		}},
		{name: "stream.Lines.Send", want: text + "\n", make: answering(func(w http.ResponseWriter, r *http.Request) error {
			lines, err := stream.NDJSON(w, r, stream.Config{})
			if err != nil {
				return err
			}
			return lines.Send(straw(r))
		})},
	} {
		p.status = 200
		p := getting(p)
		sound := p.make
		p.make = func(t *host) http.Handler {
			h := sound(t)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				l := lastStraw{cancel}
				if r.Header.Get(nextField) != "" {
					l.cancel = func() {}
				}
				h.ServeHTTP(w, r.WithContext(context.WithValue(ctx, strawKey{}, l)))
			})
		}
		for _, s := range settings {
			trial(t, "canceled while it encodes", &p, s, whole|dropped, false, func(t *site) answer { return t.send(nil, false) })
		}
	}
}

type strawKey struct{}

// TestFaultsOfContextsAtDeadline: a handler that is a nanosecond early has responded,
// one that is late has not, and one that is exactly on time has one of the two
// outcomes, or was cut after its header was sent.
func TestFaultsOfContextsAtDeadline(t *testing.T) {
	tidy(t)
	for _, p := range those(func(p *piece) bool { return p.stops }) {
		for early, right := range map[time.Duration]fate{1: whole, 0: whole | failed | noted, -1: failed} {
			for _, s := range settings {
				for range 10 {
					trial(t, fmt.Sprintf("a handler that is %v early", early), p.with(func(w http.ResponseWriter, r *http.Request) {
						time.Sleep(limit - early)
						sendLong(w, r)
					}), s, right, false, func(t *site) answer { return t.send(nil, false) })
				}
			}
		}
	}
}
