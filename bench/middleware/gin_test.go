package middleware_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
)

// TestGinStreams: gin's Context.Stream asserts http.CloseNotifier of the writer that
// it was given, and panics without. It finds it within every piece, over both
// protocols.
func TestGinStreams(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) {
		left := 3
		c.Stream(func(w io.Writer) bool {
			io.WriteString(w, "part.")
			left--
			return left > 0
		})
	})
	quiet := slog.New(slog.DiscardHandler)
	for name, piece := range map[string]func(http.Handler) http.Handler{
		"none":       func(h http.Handler) http.Handler { return h },
		"Recover":    middleware.Recover(quiet),
		"Unresolved": middleware.Unresolved(quiet),
		"Limit":      middleware.ResponseLimit(bytesize.MB),
		"Timeout":    middleware.Timeout(time.Minute),
		"two Timeouts": func(h http.Handler) http.Handler {
			return middleware.Timeout(time.Hour)(middleware.Timeout(time.Minute)(h))
		},
		"the parser": bodyparser.New(bodyparser.Config{}),
		"the cache":  cache.New(cache.Config{}).Middleware,
		"all":        middleware.New(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true, Logger: quiet}),
	} {
		for _, http2 := range []bool{false, true} {
			s := httptest.NewUnstartedServer(piece(engine))
			s.EnableHTTP2 = http2
			s.StartTLS()
			resp, err := s.Client().Get(s.URL)
			if err != nil {
				t.Errorf("%s, HTTP/2 %t: %v", name, http2, err)
			} else {
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 || string(body) != "part.part.part." || err != nil {
					t.Errorf("%s, HTTP/2 %t: %d %q, %v", name, http2, resp.StatusCode, body, err)
				}
			}
			s.Close()
		}
	}
}
