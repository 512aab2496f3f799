package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// memoryRounds is the number of memory measurements, which vary little.
const memoryRounds = 3

// measureMemory measures the memory of an idle connection, and of an open stream.
// Each runs in a new process, before any load.
func measureMemory(ctx context.Context, o Options, picked []server, s *samples) error {
	rounds := min(memoryRounds, o.Rounds)
	for round := range rounds {
		o.Progress(fmt.Sprintf("service: memory, round %d of %d", round+1, rounds))
		for _, server := range picked {
			err := measureOpen(ctx, o, server, "idle connection", s, func(c *conn) error {
				return c.exchange(get("/api/posts/1"), `"title":"Hello"`)
			})
			if err == nil {
				err = measureOpen(ctx, o, server, "open stream", s, func(c *conn) error {
					return c.exchange(get("/api/events/0"), event+"\n\n")
				})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// measureOpen measures the memory per connection, after begin has put it into the
// measured state. A few are open before, so that one-time allocations of the server
// are not counted.
func measureOpen(ctx context.Context, o Options, server server, metric string, s *samples, begin func(*conn) error) (err error) {
	process, err := start(ctx, server, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, process.Stop()) }()
	var all []*conn
	defer func() { hangUp(all) }()
	open := func(n int) (usage, error) {
		conns, err := dialAll(process.Addr, n)
		all = append(all, conns...)
		if err != nil {
			return usage{}, err
		}
		for _, c := range conns {
			if err := begin(c); err != nil {
				return usage{}, fmt.Errorf("%s: %s: %w", server.name, metric, err)
			}
		}
		return process.Ask("settle")
	}
	before, err := open(1 + o.Open/10)
	if err != nil {
		return err
	}
	after, err := open(o.Open)
	if err != nil {
		return err
	}
	count := float64(o.Open)
	s.add(server.name, metric, "bytes of heap and stack", false, float64(after.Memory-before.Memory)/count)
	s.add(server.name, metric, "bytes resident", false, float64(after.RSS-before.RSS)/count)
	s.add(server.name, metric, "goroutines", false, float64(after.Goroutines-before.Goroutines)/count)
	return nil
}

// exchange sends a request and reads until the response has the text.
func (c *conn) exchange(request, text string) error {
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	for n := 0; !bytes.Contains(c.buf[:n], []byte(text)); {
		read, err := c.Read(c.buf[n:])
		if n += read; err != nil {
			return fmt.Errorf("%w after %.300q", err, c.buf[:n])
		}
	}
	if !bytes.HasPrefix(c.buf, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answer %.300q", c.buf)
	}
	return nil
}
