package middleware_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
)

// report writes the requested number of lines.
func report(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Query().Get("lines") {
	case "":
		return // without a response
	case "many":
		fmt.Fprint(w, strings.Repeat("a line\n", 1000))
	default:
		fmt.Fprint(w, "a line")
	}
}

// text is a logger whose output is the same in every run.
func text() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// The layers one by one, around a mux.
func Example_service() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /report", report)
	log := text()
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log) // for ResponseLimit, which has no Logger

	var service http.Handler = mux
	service = middleware.Unresolved(log)(service)
	service = middleware.Timeout(5 * time.Second)(service)
	service = middleware.ResponseLimit(4 * bytesize.KB)(service)
	service = middleware.Recover(log)(service)

	for _, query := range []string{"?lines=1", "?lines=many", ""} {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest("GET", "/report"+query, nil))
		fmt.Println(w.Code, w.Body.Len(), "bytes")
	}
	// Output:
	// 200 6 bytes
	// level=WARN msg="apiece: large response" method=GET pattern="GET /report" size=7000 limit=4096
	// 200 7000 bytes
	// level=WARN msg="apiece: no response" method=GET path=/report pattern="GET /report"
	// 200 0 bytes
}
