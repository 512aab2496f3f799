package middleware_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/apiece/apiece/middleware"
)

// BenchmarkResponseLimit is what watching a response costs.
func BenchmarkResponseLimit(b *testing.B) {
	run(b, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(body)) }),
		rival{"bare", bare},
		rival{"kit-warn", middleware.ResponseLimit(0)},
		rival{"kit-abort", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Action: middleware.LimitAbort})},
		httpsnoopWrap, httpsnoopCapture, chiWrap,
	)
}

// BenchmarkRecover is what a recoverer costs while nothing panics.
func BenchmarkRecover(b *testing.B) {
	run(b, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(body)) }),
		rival{"bare", bare},
		rival{"kit", middleware.Recover(slog.Default())},
		chiRecoverer, gorillaRecovery,
	)
}
