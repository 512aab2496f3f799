package neighbours_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/justinas/nosurf"

	"github.com/apiece/apiece/examples/compose/csrf"
	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/examples/compose/otel"
	"github.com/apiece/apiece/examples/compose/session"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/middlewaretest"
)

// TestHandBack: with it no check fails for nosurf, and for scs only those of its writer.
func TestHandBack(t *testing.T) {
	t.Run("nosurf", func(t *testing.T) { middlewaretest.Run(t, neighbours.HandBack(nosurf.NewPure)) })
	t.Run("scs", func(t *testing.T) { middlewaretest.Run(t, neighbours.HandBack(scs.New().LoadAndSave), plain...) })
	t.Run("both", func(t *testing.T) {
		nested := func(h http.Handler) http.Handler {
			return neighbours.HandBack(scs.New().LoadAndSave)(neighbours.HandBack(nosurf.NewPure)(h))
		}
		middlewaretest.Run(t, nested, plain...)
	})
}

// TestHandBackInRecipes: the recipes of these libraries use HandBack.
func TestHandBackInRecipes(t *testing.T) {
	sessions := session.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	t.Run("csrf", func(t *testing.T) { middlewaretest.Run(t, csrf.Tokens(csrf.Config{})) })
	t.Run("otel", func(t *testing.T) { middlewaretest.Run(t, otel.Trace()) })
	t.Run("session", func(t *testing.T) { middlewaretest.Run(t, session.Chain(sessions, middleware.Config{}).Then) })
}

// TestHandBackForm: the form arrives at the request of the server, which removes its
// files; without HandBack it does not.
func TestHandBackForm(t *testing.T) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	if err := m.WriteField("a", "1"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	sessions := scs.New()
	for name, layer := range map[string]layer{"bare": sessions.LoadAndSave, "mended": neighbours.HandBack(sessions.LoadAndSave)} {
		for _, panics := range []bool{false, true} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(body.Bytes()))
			r.Header.Set("Content-Type", m.FormDataContentType())
			func() {
				defer func() { _ = recover() }()
				layer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := r.ParseMultipartForm(1); err != nil {
						t.Error(err)
					}
					if panics {
						panic("on purpose")
					}
				})).ServeHTTP(httptest.NewRecorder(), r)
			}()
			if found := r.MultipartForm != nil; found != (name == "mended") {
				t.Errorf("%s, panics %t: the form is there: %t", name, panics, found)
			}
		}
	}
}

func ExampleHandBack() {
	logged := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			fmt.Printf("%s, by %q\n", r.URL.Path, r.Pattern)
		})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /posts/{id}", func(http.ResponseWriter, *http.Request) {})
	sessions := scs.New()

	for _, sessions := range []func(http.Handler) http.Handler{sessions.LoadAndSave, neighbours.HandBack(sessions.LoadAndSave)} {
		logged(sessions(mux)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/7", nil))
	}
	// Output:
	// /posts/7, by ""
	// /posts/7, by "GET /posts/{id}"
}
