package nextjs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// call sends one request to a service and prints the response.
func call(h http.Handler, method, path, contentType, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprintln(method, path, "->", w.Code, w.Body)))
}

// A todo is a test that prints what fails.
type todo struct{}

func (todo) Helper()                           {}
func (todo) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (todo) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
