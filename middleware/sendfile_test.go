package middleware_test

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// TestSendfileAllocs: a file goes from the disk to the socket without a buffer of ours
// or of io.Copy, which would cost 32 KB a request.
func TestSendfileAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	perRequest := func(h http.Handler) uint64 {
		client, url := testkit.HTTP1.Serve(t, h)
		get := func() {
			resp, err := client.Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if n, err := io.Copy(io.Discard, resp.Body); n != 1<<20 || err != nil {
				t.Fatal(n, err)
			}
		}
		get()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 20 {
			get()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 20
	}

	bare := perRequest(serve)
	quiet := slog.New(slog.DiscardHandler)
	for name, piece := range map[string]func(http.Handler) http.Handler{
		"recover": middleware.Recover(quiet),
		"warn":    middleware.ResponseLimit(4 * bytesize.MB),
		"abort":   middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 4 * bytesize.MB, Action: middleware.LimitAbort, Logger: quiet}),
		"timeout": middleware.Timeout(time.Minute),
		"all":     middleware.New(middleware.Config{MaxDuration: time.Minute, Logger: quiet}),
	} {
		got := perRequest(piece(serve))
		t.Logf("%s: %d bytes a request, %d without", name, got, bare)
		if got > bare+16<<10 {
			t.Errorf("%s: %d bytes a request, %d without: the file is copied through memory", name, got, bare)
		}
	}
	// The measurement works: a wrapper without io.ReaderFrom costs a buffer.
	copied := perRequest(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(testkit.Bare{ResponseWriter: w}, r)
	}))
	if copied < bare+16<<10 {
		t.Errorf("a copy through memory takes %d bytes, %d without: nothing is measured", copied, bare)
	}
}
