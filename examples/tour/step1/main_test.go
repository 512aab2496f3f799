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
	expect(t, h, "POST", "/api/notes", `{"text":""}`, 400, `a text is required`)
	expect(t, h, "GET", "/api/notes", "", 200, `[{"id":"1","text":"milk"}]`)
	expect(t, h, "DELETE", "/api/notes", "", 405, `Method Not Allowed`)

	// What is missing: a second value, a wrong type and any number of bytes are
	// accepted, or rejected without a reason.
	expect(t, h, "POST", "/api/notes", `{"text":"bread"} and more`, 201, `{"id":"2","text":"bread"}`)
	expect(t, h, "POST", "/api/notes", `{"text":7}`, 400, `a text is required`)
	if status, _ := call(h, "POST", "/api/notes", `{"text":"`+strings.Repeat("x", 5<<20)+`"}`); status != 201 {
		t.Errorf("5 MB: %d", status)
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
