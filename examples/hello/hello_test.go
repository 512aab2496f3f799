package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser/bind"
)

// TestGreet sends the requests of the README.
func TestGreet(t *testing.T) {
	for body, want := range map[string]string{
		`name=Ada`:       `{"message":"Hello, Ada"}`,
		`{"name":"Ada"}`: `{"message":"Hello, Ada"}`,
		`{"name":""}`:    `{"title":"Unprocessable Entity","status":422,"detail":"name is required","errors":[{"path":"/name","rule":"required","message":"is required"}]}`,
	} {
		r := httptest.NewRequest("POST", "/api/hello", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if !strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		w := httptest.NewRecorder()
		bind.Handler(greet).ServeHTTP(w, r)
		if got := w.Body.String(); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}
