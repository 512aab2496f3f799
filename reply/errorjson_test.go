package reply_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/reply"
)

type failure struct {
	Error string `json:"error"`
	Code  any    `json:"code,omitempty"`
}

var inShape = reply.ErrorJSON(func(e *reply.Error) any {
	return failure{e.PublicMessage(), e.ProblemMembers()["code"]}
})

func TestErrorJSON(t *testing.T) {
	refused := reply.ErrorJSON(func(*reply.Error) any { return func() {} })
	for _, tt := range []struct {
		why     string
		onError func(http.ResponseWriter, *http.Request, error)
		err     error
		status  int
		body    string
		header  string // "Name: value"
	}{
		{"a text", inShape, reply.NewError(404, "No such post"), 404, `{"error":"No such post"}`, ""},
		{"the text of the status", inShape, reply.NewError(404, ""), 404, `{"error":"Not Found"}`, ""},
		{"a status without a text", inShape, reply.NewError(599, ""), 599, `{"error":"Error 599"}`, ""},
		{"nothing for the client", inShape, errors.New("pq: password of bob"), 500, `{"error":"Internal Server Error"}`, ""},
		{"wrapped", inShape, fmt.Errorf("listing: %w", reply.NewError(403, "<No>")), 403, `{"error":"<No>"}`, ""},
		{"members", inShape, reply.NewError(409, "Taken").With("code", 7), 409, `{"error":"Taken","code":7}`, ""},
		{"header fields", inShape, reply.NewError(503, "").WithHeader("Retry-After", "5"), 503, `{"error":"Service Unavailable"}`, "Retry-After: 5"},
		{"what others vary by", inShape, reply.NewError(406, "").WithHeader("Vary", "Accept"), 406, `{"error":"Not Acceptable"}`, "Vary: Origin, Accept"},
		{"a body over the limit", inShape, &http.MaxBytesError{Limit: 1}, 413, `{"error":"Request Entity Too Large"}`, ""},
		{"a shape without a JSON form", refused, reply.NewError(404, "x"), 404, `{"title":"Not Found","status":404,"detail":"x"}`, ""},
	} {
		t.Run(tt.why, func(t *testing.T) {
			w := httptest.NewRecorder()
			w.Header().Set("Vary", "Origin")
			w.Header().Set("Content-Length", "999") // of the replaced response
			tt.onError(w, httptest.NewRequest("GET", "/", nil), tt.err)
			name, value := "Content-Type", "application/json; charset=utf-8"
			if strings.HasPrefix(tt.body, `{"title"`) {
				value = "application/problem+json"
			}
			if tt.header != "" {
				name, value, _ = strings.Cut(tt.header, ": ")
			}
			got := strings.Join(w.Header()[name], ", ")
			if w.Code != tt.status || w.Body.String() != tt.body || got != value || w.Header().Get("Content-Length") != fmt.Sprint(len(tt.body)) {
				t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
			}
		})
	}
}

// TestErrorJSONWraps: the shape function can inspect the error itself.
func TestErrorJSONWraps(t *testing.T) {
	onError := reply.ErrorJSON(func(e *reply.Error) any { return map[string]bool{"end": errors.Is(e, io.EOF)} })
	w := httptest.NewRecorder()
	onError(w, httptest.NewRequest("GET", "/", nil), fmt.Errorf("x: %w", io.EOF))
	if w.Body.String() != `{"end":true}` {
		t.Error(w.Body)
	}
}

func ExampleErrorJSON() {
	onError := reply.ErrorJSON(func(e *reply.Error) any {
		return map[string]string{"error": e.PublicMessage()}
	})
	h := reply.Handler(func(http.ResponseWriter, *http.Request) error {
		return reply.NewError(http.StatusNotFound, "No such post")
	}, onError)

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/post/9", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 404 {"error":"No such post"}
}
