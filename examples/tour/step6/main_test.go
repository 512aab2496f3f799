package main

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/examples/tour/notes"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func TestNotes(t *testing.T) {
	feed := hub.New(hub.Config{})
	defer feed.Shutdown(context.Background())
	h := routes(&notes.Store{}, feed)
	expect(t, h, "GET", "/api/notes", "", 200, `[]`)
	expect(t, h, "POST", "/api/notes", `{"text":"milk"}`, 201, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	expect(t, h, "GET", "/api/notes/1", "", 200, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes/2", "", 404, `{"title":"Not Found","status":404,"detail":"There is no such note"}`)
}

// TestEvents: a reader gets an event for each new note, and after a reconnect those
// it missed. Shutting down the hub ends its stream cleanly.
func TestEvents(t *testing.T) {
	feed := hub.New(hub.Config{MaxHistory: 100})
	server := httptest.NewServer(routes(&notes.Store{}, feed))
	defer server.Close()

	events, leave := listen(t, server.URL, "")
	call(server.Config.Handler, "POST", "/api/notes", `{"text":"milk"}`)
	first := next(t, events)
	if first.Name != "note" || first.Data != `{"id":"1","text":"milk"}` {
		t.Errorf("got %+v", first)
	}
	leave()
	call(server.Config.Handler, "POST", "/api/notes", `{"text":"bread"}`)
	events, _ = listen(t, server.URL, first.ID)
	if missed := next(t, events); missed.Data != `{"id":"2","text":"bread"}` {
		t.Errorf("got %+v", missed)
	}
	if err := feed.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if event, err, ok := events(); ok {
		t.Errorf("after the end: %+v, %v", event, err)
	}
}

// next returns the next event of a stream, except heartbeats.
func next(t *testing.T, events func() (stream.Event, error, bool)) stream.Event {
	t.Helper()
	event, err, ok := events()
	if err != nil || !ok {
		t.Fatalf("%v, %t", err, ok)
	}
	return event
}

// listen opens the event stream of the service at the URL.
func listen(t *testing.T, url, lastEventID string) (func() (stream.Event, error, bool), func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	events, stop := iter.Pull2(stream.NewReader(resp.Body).All())
	t.Cleanup(stop)
	t.Cleanup(func() { resp.Body.Close() })
	return events, func() { resp.Body.Close() }
}

// call sends a request and returns the status and the body.
func call(h http.Handler, method, path, body string) (status int, text string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// expect sends a request and compares the response.
func expect(t *testing.T, h http.Handler, method, path, body string, status int, text string) {
	t.Helper()
	if code, got := call(h, method, path, body); code != status || got != text {
		t.Errorf("%s %s %.60s: %d %s, want %d %s", method, path, body, code, got, status, text)
	}
}
