package main

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/examples/tour/notes"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
	"github.com/apiece/apiece/typescript"
)

// TestNotesOnTwoMachines runs two instances that share only a shared, here in memory.
func TestNotesOnTwoMachines(t *testing.T) {
	all := shared{&notes.Store{}, &backplanetest.Memory{}, cache.NewStore(0), cache.NewGenerations(0)}
	var machines [2]*httptest.Server
	for i := range machines {
		feed := hub.New(hub.Config{MaxHistory: 100, Backplane: all.events})
		machines[i] = httptest.NewServer(routes(all, feed))
		t.Cleanup(machines[i].Close)
		t.Cleanup(func() { feed.Shutdown(context.Background()) })
	}
	one, two := machines[0].Config.Handler, machines[1].Config.Handler

	// The second instance serves what the first has cached.
	expect(t, one, "GET", "/api/notes", "", 200, `[]`)
	expect(t, two, "GET", "/api/notes", "", 200, `[]`)
	if n := all.notes.Reads(); n != 1 {
		t.Errorf("%d reads", n)
	}

	// A note added on one is an event on the other, and in its list.
	events, leave := listen(t, machines[1].URL, "")
	expect(t, one, "POST", "/api/notes", `{"text":"milk"}`, 201, `{"id":"1","text":"milk"}`)
	first := next(t, events)
	if first.Data != `{"id":"1","text":"milk"}` {
		t.Errorf("got %+v", first)
	}
	expect(t, two, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)

	// A reader that reconnects to another machine misses no event.
	leave()
	expect(t, two, "POST", "/api/notes", `{"text":"bread"}`, 201, `{"id":"2","text":"bread"}`)
	events, _ = listen(t, machines[0].URL, first.ID)
	if missed := next(t, events); missed.Data != `{"id":"2","text":"bread"}` {
		t.Errorf("got %+v", missed)
	}
}

// TestNotesOnOneMachine: one instance with no shared state.
func TestNotesOnOneMachine(t *testing.T) {
	feed := hub.New(hub.Config{})
	defer feed.Shutdown(t.Context())
	h := routes(shared{notes: &notes.Store{}}, feed)
	expect(t, h, "GET", "/api/notes", "", 200, `[]`)
	expect(t, h, "POST", "/api/notes", `{"text":"milk"}`, 201, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	typescript.Check(t, "../step7/api.ts", h) // the client is the same
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
