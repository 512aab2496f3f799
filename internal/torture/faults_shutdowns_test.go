package torture_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// TestFaultsOfShutdownWhileReading: a client that is sending a body when the server
// begins to shut down is served like any other; and one that never sends the rest
// delays the server no longer than the time limit of a body. A handler that reads the
// body itself has no such limit: Shutdown fails, and the connection is cut.
func TestFaultsOfShutdownWhileReading(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range those(func(p *piece) bool { return p.reads }) {
		for _, chunked := range p.forms() {
			for _, sends := range []bool{true, false} {
				n++
				text, body := p.raw(chunked)
				half := body + (len(text)-body)/2
				right := whole
				if !sends {
					right = refused
				}
				if !sends && p.byHand {
					right = dropped
				}
				stopped(t, p, right, func(t *site, conn net.Conn) answer {
					conn.Write(text[:half])
					synctest.Wait()
					done := t.shutDown()
					time.Sleep(time.Second)
					if sends {
						conn.Write(text[half:])
					}
					a := receive(conn, p.method)
					if err := <-done; (err != nil) != (!sends && p.byHand) {
						return answer{err: errors.Join(errors.New("the server does not end"), err), status: -1}
					}
					return a
				})
			}
		}
	}
	t.Logf("%d bodies", n)
}

// TestFaultsOfShutdownWhileResponding: handlers with a limit end at that limit, and
// streams that are told of the shutdown end at once and in good order.
func TestFaultsOfShutdownWhileResponding(t *testing.T) {
	tidy(t)
	endless := func(s *stream.Stream) error {
		for i := 0; ; i++ {
			if err := s.Send(stream.Event{Data: "1"}); err != nil {
				return err
			}
			select {
			case <-s.Context().Done():
				return nil
			case <-time.After(10 * time.Second):
			}
		}
	}
	limited := func(h http.HandlerFunc) func(*host) http.Handler {
		return func(t *host) http.Handler {
			return middleware.New(middleware.Config{MaxDuration: 5 * time.Second, Logger: t.Logger()})(h)
		}
	}
	for _, p := range []struct {
		piece
		right fate
		most  time.Duration
	}{
		{piece{name: "a handler that waits for its context", make: limited(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })}, failed, 6 * time.Second},
		{piece{name: "a handler that does not", make: limited(func(w http.ResponseWriter, r *http.Request) { time.Sleep(20 * time.Second) })}, failed, 21 * time.Second},
		{piece{name: "a handler with a part out", make: limited(func(w http.ResponseWriter, r *http.Request) {
			flushPart(w)
			<-r.Context().Done()
		})}, noted, 6 * time.Second},
		{piece{name: "stream.Handler", want: "data: 1\n\n", make: func(t *host) http.Handler {
			return stream.Handler(stream.Config{Until: t.ending, Logger: t.Logger()}, endless)
		}}, whole, time.Second},
		{piece{name: "stream.Handler, under a limit", want: "data: 1\n\n", make: func(t *host) http.Handler {
			return middleware.Timeout(time.Millisecond)(stream.Handler(stream.Config{Until: t.ending, Logger: t.Logger()}, endless))
		}}, whole, time.Second},
		{piece{name: "hub.Hub.Serve", want: "data: 1\n\n", make: func(t *host) http.Handler {
			h := hub.New(hub.Config{Logger: t.Logger()})
			context.AfterFunc(t.ending, func() { _ = h.Shutdown(context.Background()) })
			start := h.LastEventID()
			if _, err := h.Publish(context.Background(), "news", stream.Event{Data: "1"}); err != nil {
				panic(err)
			}
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = h.Serve(w, r, hub.Subscription{Topics: []string{"news"}, LastEventID: start})
			})
		}}, whole, time.Second},
	} {
		text := "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n"
		p.status = 200
		stopped(t, &p.piece, p.right, func(t *site, conn net.Conn) answer {
			io.WriteString(conn, text)
			synctest.Wait()
			start := time.Now()
			done := t.shutDown()
			a := receive(conn, "GET")
			if err := <-done; err != nil || time.Since(start) > p.most {
				return answer{err: errors.Join(tooLong{time.Since(start)}, err), status: -1}
			}
			return a
		})
	}
}

// shutDown begins to shut the server down, and sends the result.
func (t *site) shutDown() <-chan error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := t.server.Shutdown(ctx)
		if err != nil {
			_ = t.server.Close()
		}
		done <- err
	}()
	return done
}

// stopped is a trial of a server that shuts down, without a next request to judge.
func stopped(t *testing.T, p *piece, right fate, send func(*site, net.Conn) answer) {
	t.Helper()
	bubble(t, func() {
		site, err := open(p, setting{protocol: 1})
		if err != nil {
			t.Fatal(err)
		}
		a := onItsOwn(site, func(conn net.Conn) answer { return send(site, conn) })
		site.close()
		switch f, odd := p.fateOf(a, site.failures()); {
		case odd != nil:
			t.Errorf("%s: %s: %s", p.name, odd.kind, odd.text)
		case f&right == 0 || a.status < 0:
			t.Errorf("%s: %v: %v; want %v", p.name, f, a, right)
		}
		for _, stack := range site.left() {
			t.Errorf("%s: left behind:\n%s", p.name, stack)
		}
		if site.watch.late != nil {
			t.Errorf("%s: written late: %v", p.name, site.watch.late)
		}
	})
}
