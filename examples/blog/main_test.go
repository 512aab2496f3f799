package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestFeedAndShutdown: a new post reaches every subscriber, and an open feed does not
// block the shutdown.
func TestFeedAndShutdown(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener) }()

	resp, err := http.Get("http://" + addr + "/api/feed")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ctype := resp.Header.Get("Content-Type"); ctype != "text/event-stream" {
		t.Fatalf("Content-Type %q", ctype)
	}
	created, err := http.Post("http://"+addr+"/api/posts", "application/json", strings.NewReader(`{"title":"Live","text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	created.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), `"title":"Live"`) {
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the feed did not end in good order: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}
