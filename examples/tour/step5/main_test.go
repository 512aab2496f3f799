package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/examples/tour/notes"
)

func TestNotes(t *testing.T) {
	var store notes.Store
	h := routes(&store)
	expect(t, h, "GET", "/api/notes", "", 200, `[]`)
	expect(t, h, "POST", "/api/notes", `{"text":"milk"}`, 201, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	expect(t, h, "GET", "/api/notes/1", "", 200, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes/2", "", 404, `{"title":"Not Found","status":404,"detail":"There is no such note"}`)
}

// TestNotesCached: the notes are read once, and again after one was added.
func TestNotesCached(t *testing.T) {
	var store notes.Store
	h := routes(&store)
	for range 5 {
		expect(t, h, "GET", "/api/notes", "", 200, `[]`)
	}
	call(h, "POST", "/api/notes", `{"text":"milk"}`)
	for range 5 {
		expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	}
	if n := store.Reads(); n != 2 {
		t.Errorf("%d reads", n)
	}
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
