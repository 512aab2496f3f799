package integration_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// TestFormFilesAreRemoved: the files of a form that a handler parsed are removed when
// the handler has returned or panicked, whichever layer is outside. net/http removes
// them only for some handlers; since go1.27 for none over HTTP/2.
func TestFormFilesAreRemoved(t *testing.T) {
	routes := func(route string) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler {
			table, err := pattern.NewHandler(map[string]http.Handler{route: h}, pattern.HandlerConfig{NotFound: h})
			if err != nil {
				t.Fatal(err)
			}
			return table
		}
	}
	pieces := map[string]func(http.Handler) http.Handler{
		"Recover":             middleware.Recover(discard),
		"ResponseLimit":       middleware.ResponseLimit(0),
		"Unresolved":          middleware.Unresolved(discard),
		"Timeout":             middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Minute, Logger: discard}),
		"Methods":             func(h http.Handler) http.Handler { return middleware.Methods{"POST": h} },
		"cache":               cache.New(cache.Config{Logger: discard}).Middleware,
		"bodyparser":          bodyparser.New(bodyparser.Config{}),
		"bodyparser, raw":     bodyparser.New(bodyparser.Config{Raw: true}),
		"bodyparser, limited": bodyparser.New(bodyparser.Config{Raw: true, Limit: 1 << 20}),
		"middleware.New":      middleware.New(middleware.Config{Logger: discard}),
		"pattern":             routes("/[x]"),
		"pattern, no route":   routes("/elsewhere"),
		"reply.HandlerFunc":   func(h http.Handler) http.Handler { return reply.HandlerFunc(failing(h)) },
		"reply.Handler":       func(h http.Handler) http.Handler { return reply.Handler(failing(h), reply.PlainError) },
	}
	for name, piece := range pieces {
		for _, panics := range []bool{false, true} {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				var file string
				h := recovering(piece(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					file = parseFile(t, r)
					if panics {
						panic("after the form was parsed")
					}
				})))
				testkit.Body(t, tr.Do(t, h, fileUpload(t)))
				if _, err := os.Stat(file); file == "" || !os.IsNotExist(err) {
					t.Errorf("%s, panics %v: file %q is still there: %v", name, panics, file, err)
				}
			})
		}
	}
}

// TestFormFilesFromOutside: layers do not remove a form that was parsed outside.
func TestFormFilesFromOutside(t *testing.T) {
	h := middleware.Recover(discard)(reply.HandlerFunc(failing(http.NotFoundHandler())))
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		tr.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			file := parseFile(t, r)
			h.ServeHTTP(w, r)
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
			r.MultipartForm.RemoveAll()
		}), fileUpload(t))
	})
}

// recovering keeps a panic from the server, as foreign recoverers do.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = recover() }()
		next.ServeHTTP(w, r)
	})
}

func failing(h http.Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// parseFile parses the form of r and returns the name of the temporary file of its
// file.
func parseFile(t *testing.T, r *http.Request) string {
	if err := r.ParseMultipartForm(0); err != nil {
		t.Error(err)
		return ""
	}
	f, err := r.MultipartForm.File["file"][0].Open()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer f.Close()
	return f.(*os.File).Name()
}

func fileUpload(t *testing.T) *http.Request {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	part.Write([]byte("text"))
	form.Close()
	r := httptest.NewRequest("POST", "/x", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}
