package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/examples/tour/notes"
)

func TestNotes(t *testing.T) {
	h := routes(&notes.Store{})
	expect(t, h, "GET", "/api/notes", "", 200, `[]`)
	expect(t, h, "POST", "/api/notes", `{"text":"milk"}`, 201, `{"id":"1","text":"milk"}`)
	expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	expect(t, h, "POST", "/api/notes", `{"text":"`+strings.Repeat("x", 10<<10)+`"}`, 413,
		`{"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 10kb limit"}`)
}

// TestNotesPanic: the handler panics because it has no store.
func TestNotesPanic(t *testing.T) {
	expect(t, routes(nil), "GET", "/api/notes", "", 500, `{"title":"Internal Server Error","status":500}`)
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
