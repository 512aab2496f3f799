package middleware

import (
	"net/http"
	"time"

	chi "github.com/go-chi/chi/v5/middleware"
)

const chiModule = "github.com/go-chi/chi/v5"

var (
	chiTimeout   = rival{name: "chi", module: chiModule, wrap: chi.Timeout(time.Minute)}
	chiRecoverer = rival{name: "chi", module: chiModule, wrap: chi.Recoverer}
	chiWrap      = rival{name: "chi WrapResponseWriter", module: chiModule, wrap: chiWrapper}
)

func chiWrapper(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wrapped := chi.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(wrapped, r)
		Seen = int64(wrapped.BytesWritten())
	})
}

// Seen is the number of bytes written. It keeps the compiler from removing the count.
var Seen int64
