package middleware

import (
	"net/http"

	"github.com/felixge/httpsnoop"
)

const httpsnoopModule = "github.com/felixge/httpsnoop"

var (
	// httpsnoopWrap counts what is written, through its hooks.
	httpsnoopWrap = rival{name: "httpsnoop Wrap", module: httpsnoopModule, wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := 0
			next.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
				Write: func(write httpsnoop.WriteFunc) httpsnoop.WriteFunc {
					return func(p []byte) (int, error) { n += len(p); return write(p) }
				},
			}), r)
			Seen = int64(n)
		})
	}}
	httpsnoopCapture = rival{name: "httpsnoop CaptureMetrics", module: httpsnoopModule, wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			Seen = httpsnoop.CaptureMetrics(next, w, r).Written
		})
	}}
)
