package bind_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

// TestUnsupportedAccept: a 415 lists the accepted types, including forms if the value is a
// struct.
func TestUnsupportedAccept(t *testing.T) {
	type in struct{ A int }
	extra := bind.Config{Parser: bodyparser.Config{JSONTypes: []string{"text/plain"}}}
	ok := func(http.ResponseWriter, *http.Request) error { return nil }
	for _, test := range []struct {
		why         string
		h           http.Handler
		contentType string
		status      int
		accept      string
	}{
		{"a struct", bind.Handler(func(w http.ResponseWriter, r *http.Request, _ in) error { return ok(w, r) }), "text/plain", 415,
			"application/json, application/x-www-form-urlencoded, multipart/form-data"},
		{"a list", bind.Handler(func(w http.ResponseWriter, r *http.Request, _ []int) error { return ok(w, r) }), "text/plain", 415, "application/json"},
		{"a setting", bind.HandlerWith(extra, func(w http.ResponseWriter, r *http.Request, _ in) error { return ok(w, r) }), "text/html", 415,
			"application/json, text/plain, application/x-www-form-urlencoded, multipart/form-data"},
		{"as set", bind.HandlerWith(extra, func(w http.ResponseWriter, r *http.Request, _ in) error { return ok(w, r) }), "text/plain", 200, ""},
	} {
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, post(test.contentType, `{"a":1}`))
		if w.Code != test.status || w.Header().Get("Accept") != test.accept || !strings.Contains(w.Body.String(), test.accept) {
			t.Errorf("%s: %d %s, Accept %q, want %q", test.why, w.Code, w.Body, w.Header().Get("Accept"), test.accept)
		}
	}

	_, err := bind.Body[in](post("text/plain", "x"))
	var refused *bodyparser.Error
	if !errors.As(err, &refused) || refused.Status != 415 {
		t.Errorf("%v is no error of package bodyparser", err)
	}
}
