package middleware_test

import (
	"net/http"
	"time"

	chi "github.com/go-chi/chi/v5/middleware"
)

var (
	chiTimeout   = rival{"chi", chi.Timeout(time.Minute)}
	chiRecoverer = rival{"chi", chi.Recoverer}
	chiWrap      = rival{"chi-WrapResponseWriter", func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wrapped := chi.NewWrapResponseWriter(w, r.ProtoMajor)
			next.ServeHTTP(wrapped, r)
			seen = int64(wrapped.BytesWritten())
		})
	}}
)

var seen int64
