package piece_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/examples/piece"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/middlewaretest"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var discard = slog.New(slog.DiscardHandler)

// TestPieceIsTransparent: the piece hides no feature from a handler.
func TestPieceIsTransparent(t *testing.T) { middlewaretest.Run(t, piece.New(piece.Config{})) }

// TestPieceLimit: a request above the limit is rejected by the OnError of the chain, and
// later requests are served even after a handler has panicked.
func TestPieceLimit(t *testing.T) {
	for name, chain := range map[string]struct {
		cfg  middleware.Config
		body string
	}{
		"problem document":  {middleware.Config{Logger: discard}, `{"title":"Service Unavailable","status":503,"detail":"Too many requests at once"}`},
		"hook of the chain": {middleware.Config{Logger: discard, OnError: reply.PlainError}, "Too many requests at once"},
	} {
		t.Run(name, func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			first := true
			h := middleware.New(chain.cfg)(piece.New(piece.Config{MaxRequests: 1})(
				http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if first {
						first = false
						close(entered)
						<-release
						panic("with the only place taken")
					}
				})))
			ended := make(chan int)
			go func() { ended <- get(h).Code }()
			<-entered
			refused := get(h)
			if refused.Code != 503 || refused.Header().Get("Retry-After") != "1" || refused.Body.String() != chain.body {
				t.Errorf("at the limit: %d %v %s", refused.Code, refused.Header(), refused.Body)
			}
			close(release)
			if code := <-ended; code != 500 {
				t.Errorf("the handler that panics: %d", code)
			}
			if w := get(h); w.Code != 200 {
				t.Errorf("after it: %d %s", w.Code, w.Body)
			}
		})
	}
}

// TestPieceNegativeLimit: a negative limit disables it.
func TestPieceNegativeLimit(t *testing.T) {
	inside := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 200, "inside") })
	if w := get(piece.New(piece.Config{MaxRequests: -1})(inside)); w.Body.String() != "inside" {
		t.Errorf("without a limit: %d %s", w.Code, w.Body)
	}
}

// TestPieceWalk: pattern.Walk sees the methods inside the piece.
func TestPieceWalk(t *testing.T) {
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/x": piece.New(piece.Config{})(middleware.Methods{"PUT": http.NotFoundHandler()}),
	}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for e := range pattern.Walk(routes) {
		if n++; e.Method != "PUT" {
			t.Errorf("an endpoint with method %q", e.Method)
		}
	}
	if n != 1 {
		t.Errorf("%d endpoints", n)
	}
}

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w
}
