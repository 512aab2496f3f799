package torture_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A clocked request measures time to the nanosecond.
type clocked struct {
	name string
	make func(*host) http.Handler
	send func(net.Conn) answer // how to send it; nil is a plain GET
	want int                   // the status, 0 for no complete response
	body string                // the start of the received body
	at   time.Duration
	more []time.Duration // the same at other times than the first
}

const minute = time.Minute

func sleeping(d time.Duration, steps int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for range steps {
			time.Sleep(d)
			io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// timed adds a Timeout of a minute to a handler.
func timed(mode middleware.TimeoutMode, h http.HandlerFunc) func(*host) http.Handler {
	return func(t *host) http.Handler {
		return middleware.TimeoutWith(middleware.TimeoutConfig{Duration: minute, Mode: mode, Logger: t.Logger()})(h)
	}
}

func halfABody(contentType string) func(net.Conn) answer {
	return func(conn net.Conn) answer {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Type: "+contentType+"\r\nContent-Length: 1000\r\n\r\n--b\r\nContent-Disposition: form-data; name=a\r\n\r\n")
		return receive(conn, "POST")
	}
}

var clocks = []clocked{
	{"the time limit", timed(middleware.TimeoutTotal, sleeping(2*minute, 1)), nil, 504, `{"title"`, minute, nil},
	{"the time limit of a handler that writes", timed(middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) {
		for err := error(nil); err == nil; _, err = io.WriteString(w, "x") {
			_ = http.NewResponseController(w).Flush()
			time.Sleep(25 * time.Second)
		}
	}), nil, 0, "xx", minute, nil},
	{"the first byte", timed(middleware.TimeoutFirstByte, sleeping(2*minute, 1)), nil, 504, `{"title"`, minute, nil},
	{"the first byte, in time", timed(middleware.TimeoutFirstByte, sleeping(50*time.Second, 4)), nil, 200, "xxxx", 200 * time.Second, nil},
	{"the idle time, never reached", timed(middleware.TimeoutIdle, sleeping(50*time.Second, 4)), nil, 200, "xxxx", 200 * time.Second, nil},
	// It is checked once a minute: at the second check nothing has come since the
	// first.
	{"the idle time", timed(middleware.TimeoutIdle, func(w http.ResponseWriter, r *http.Request) {
		sleeping(30*time.Second, 1)(w, r)
		<-r.Context().Done()
	}), nil, 0, "x", 2 * minute, nil},
	{"an extended limit", timed(middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(50 * time.Second)
		_ = middleware.Extend(r, 3*minute)
		<-r.Context().Done()
	}), nil, 504, `{"title"`, 50*time.Second + 3*minute, nil},
	{"a limit that a stream has lifted", timed(middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) {
		s, err := stream.SSE(w, r, stream.Config{})
		if err == nil {
			err = s.Flush()
		}
		if err == nil {
			time.Sleep(time.Hour)
			err = s.Send(stream.Event{Data: "1"})
		}
		if err != nil {
			panic(err)
		}
	}), nil, 200, "data: 1", time.Hour, nil},
	{"a limit of a stream that is not open", timed(middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) {
		if _, err := stream.SSE(w, r, stream.Config{}); err != nil {
			panic(err)
		}
		<-r.Context().Done()
	}), nil, 504, `{"title"`, time.Minute, nil},
	{"a limit that a heartbeat has lifted", timed(middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) {
		stream.Handler(stream.Config{Heartbeat: 50 * time.Second}, func(s *stream.Stream) error {
			time.Sleep(2 * time.Minute)
			return s.Send(stream.Event{Data: "1"})
		}).ServeHTTP(w, r)
	}), nil, 200, ":\n:\ndata: 1", 2 * time.Minute, []time.Duration{25 * time.Second, 75 * time.Second}},
	{"a limit while the body is read", func(t *host) http.Handler {
		return middleware.New(middleware.Config{MaxDuration: 5 * time.Second, Logger: t.Logger()})(reply.HandlerFunc(tellParsed))
	}, halfABody("application/json"), 408, `{"title"`, 5 * time.Second, nil},

	{"the time for a body", func(t *host) http.Handler { return bodyparser.New(bodyparser.Config{})(reply.HandlerFunc(tellParsed)) },
		halfABody("application/json"), 408, `{"title"`, 30 * time.Second, nil},
	{"the time for a body, of a function without a writer", answering(func(w http.ResponseWriter, r *http.Request) error {
		_, err := bind.Body[thing](r)
		return err
	}), halfABody("application/json"), 408, `{"title"`, 30 * time.Second, nil},
	{"the time for a part", answering(func(w http.ResponseWriter, r *http.Request) error {
		_, err := upload.Form(w, r, upload.Config{}, nil)
		return err
	}), halfABody("multipart/form-data; boundary=b"), 408, `{"title"`, 30 * time.Second, nil},
	{"the time for a part, of a client that goes on", answering(func(w http.ResponseWriter, r *http.Request) error {
		_, err := upload.Form(w, r, upload.Config{}, nil)
		return err
	}), func(conn net.Conn) answer {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: site.test\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"2f\r\n--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n")
		for range 10 {
			time.Sleep(20 * time.Second)
			io.WriteString(conn, "1\r\nx\r\n")
		}
		return receive(conn, "POST")
	}, 408, `{"title"`, 230 * time.Second, nil},

	{"the time for others", func(t *host) http.Handler {
		c := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Logger: t.Logger()})
		t.atEnd = append(t.atEnd, func() { _ = c.Shutdown(context.Background()) })
		return c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	}, nil, 504, `{"title"`, 30 * time.Second, nil},

	{"the heartbeat", func(t *host) http.Handler {
		return stream.Handler(stream.Config{Logger: t.Logger()}, func(s *stream.Stream) error {
			time.Sleep(50 * time.Second)
			return s.Send(stream.Event{Data: "1"})
		})
	}, nil, 200, ":\n:\n:\ndata: 1", 50 * time.Second, []time.Duration{15 * time.Second, 30 * time.Second, 45 * time.Second}},
	{"the time for a write", func(t *host) http.Handler {
		return stream.Handler(stream.Config{Logger: t.Logger()}, func(s *stream.Stream) error {
			for {
				if err := s.Send(stream.Event{Data: longText}); err != nil {
					return err
				}
			}
		})
	}, func(conn net.Conn) answer {
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
		time.Sleep(11 * time.Second) // from now on everything is read, up to the end
		return receive(conn, "GET")
	}, 0, "data: 0", 11 * time.Second, nil},
}

// TestFaultsOfClocks: every timed event happens at its time.
func TestFaultsOfClocks(t *testing.T) {
	tidy(t)
	for _, c := range clocks {
		p := getting(piece{name: c.name, make: c.make})
		bubble(t, func() {
			site, err := open(&p, setting{protocol: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer site.close()
			defer time.Sleep(time.Hour) // for a handler that keeps running
			send := c.send
			if send == nil {
				send = func(conn net.Conn) answer {
					io.WriteString(conn, "GET / HTTP/1.1\r\nHost: site.test\r\n\r\n")
					return receive(conn, "GET")
				}
			}
			start := time.Now()
			clock := &clock{start: start}
			a := onItsOwn(site, func(conn net.Conn) answer { clock.Conn = conn; return send(clock) })
			at := time.Since(start)
			if (a.err != nil) != (c.want == 0) || c.want != 0 && a.status != c.want || !strings.HasPrefix(a.body, c.body) || at != c.at {
				t.Errorf("%s: at %v: %v; want %d %q at %v", c.name, at, a, c.want, c.body, c.at)
			}
			for i, d := range c.more {
				if i >= len(clock.reads) || clock.reads[i] != d {
					t.Errorf("%s: something came at %v, want %v", c.name, clock.reads, c.more)
					break
				}
			}
		})
	}
}

// A clock records the time of reads.
type clock struct {
	net.Conn
	start time.Time
	reads []time.Duration
}

func (c *clock) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.reads = append(c.reads, time.Since(c.start))
	return n, err
}
