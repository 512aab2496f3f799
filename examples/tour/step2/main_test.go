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
	expect(t, h, "POST", "/api/notes", `{"text":""}`, 422,
		`{"title":"Unprocessable Entity","status":422,"detail":"text is required","errors":[{"path":"/text","rule":"required","message":"is required"}]}`)
	for body, status := range map[string]int{
		`{"text":"bread"} and more`: 400,
		`{"text":7}`:                400,
		`{"text":"` + strings.Repeat("x", 281) + `"}`: 422,
	} {
		if got, text := call(h, "POST", "/api/notes", body); got != status {
			t.Errorf("%.40s: %d %s, want %d", body, got, text, status)
		}
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
