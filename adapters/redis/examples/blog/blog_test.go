package main

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/stream"
)

// Two processes and a Redis, from outside: what is posted at one arrives at the
// readers of the other, who may go on reading at the first; a page that is
// revalidated at one is new at both.
func TestTwoProcesses(t *testing.T) {
	redis := startRedis(t)
	program := filepath.Join(t.TempDir(), "blog")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	one, two := startBlog(t, program, redis), startBlog(t, program, redis)

	// A reader of the second.
	reader := listen(t, two, "")
	var ids []string
	for i, at := range []string{one, two, one} {
		title := "Post " + string(rune('A'+i))
		status, body := send(t, "POST", at+"/api/posts", `{"title":"`+title+`"}`)
		if status != 201 {
			t.Fatalf("posting: %d %s", status, body)
		}
		e := reader.next()
		if e.Data != title || e.Name != "post" || !strings.Contains(body, e.ID) {
			t.Fatalf("the reader received %+v, and the author %s", e, body)
		}
		ids = append(ids, e.ID)
	}
	t.Logf("posted at both, read at the second: %d/%d", len(ids), 3)

	// It loses its connection, and the balancer sends it to the first.
	reader.leave()
	if status, body := send(t, "POST", two+"/api/posts", `{"title":"Post D"}`); status != 201 {
		t.Fatalf("posting: %d %s", status, body)
	}
	reader = listen(t, one, ids[1])
	for _, want := range []string{"Post C", "Post D"} {
		if e := reader.next(); e.Data != want {
			t.Fatalf("after reconnecting to the other, the reader received %+v, want %s", e, want)
		}
	}

	// A page, rendered by the one that is asked first, for both.
	_, first := send(t, "GET", one+"/", "")
	if _, second := send(t, "GET", two+"/", ""); second != first || !strings.Contains(first, "Post D") {
		t.Fatalf("the pages are %s and %s", first, second)
	}
	// Somebody else changes the data, which nobody sees,
	client := goredis.NewClient(&goredis.Options{Addr: redis})
	defer client.Close()
	if err := client.LPush(t.Context(), postsKey, "From elsewhere").Err(); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{one, two} {
		if _, now := send(t, "GET", at+"/", ""); now != first {
			t.Errorf("the page has changed by itself: %s", now)
		}
	}
	// until one process is told.
	if status, body := send(t, "POST", two+"/api/revalidate", `{"path":"/"}`); status != 200 {
		t.Fatalf("revalidating: %d %s", status, body)
	}
	for _, at := range []string{one, two} {
		if _, now := send(t, "GET", at+"/", ""); !strings.Contains(now, "From elsewhere") || !strings.Contains(now, "by "+strings.TrimPrefix(two, "http://")) {
			t.Errorf("after a revalidation at the second: %s", now)
		}
	}
}

// startRedis starts a server on a free port, and skips the test if there is none
// to start.
func startRedis(t *testing.T) (addr string) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if strings.Contains(os.Getenv("APIECE_REQUIRE"), "redis") {
			t.Fatal("APIECE_REQUIRE names redis, but there is no redis-server; the Debian package is called redis-server")
		}
		t.Skip("no redis-server found; set APIECE_REQUIRE=redis to fail instead")
	}
	port := ""
	for { // none of those that systems hand out, or another may have it before the server
		port = strconv.Itoa(10_000 + rand.IntN(20_000))
		addr = net.JoinHostPort("127.0.0.1", port)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			break
		}
	}
	cmd := exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	defer client.Close()
	for deadline := time.Now().Add(time.Minute); client.Ping(t.Context()).Err() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not answer")
		}
	}
	return addr
}

var address = regexp.MustCompile(`http://[^/]+`)

// startBlog starts a process, and checks that it ends in good order.
func startBlog(t *testing.T, program, redis string) (url string) {
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-redis", redis)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return address.FindString(line)
}

// send sends a request for the host that both processes serve.
func send(t *testing.T, method, url, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "blog.example"
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// A client reads the feed as an EventSource does.
type client struct {
	t      *testing.T
	events chan stream.Event
	leave  func()
}

func listen(t *testing.T, url, lastEventID string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", url+"/api/feed", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", lastEventID)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, events: make(chan stream.Event, 10), leave: func() { cancel(); resp.Body.Close() }}
	go func() {
		for e, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				return
			}
			c.events <- e
		}
	}()
	t.Cleanup(c.leave)
	return c
}

func (c *client) next() stream.Event {
	c.t.Helper()
	select {
	case e := <-c.events:
		return e
	case <-time.After(time.Minute):
		c.t.Fatal("no event came")
		return stream.Event{}
	}
}
