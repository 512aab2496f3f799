package neighbours

import (
	"context"
	"net/http"
)

// HandBack fixes middleware that passes on a copy of the request: it copies the
// pattern and the form from the copy to the original. Then loggers and tracers
// outside see the pattern of a mux inside, and net/http finds the multipart form
// whose temporary files it has to remove.
//
//	HandBack(sessions.LoadAndSave)
func HandBack(middleware func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	type original struct{}
	return func(next http.Handler) http.Handler {
		h := middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { // even after a panic, for an outer layer that recovers
				outer := r.Context().Value(original{}).(*http.Request)
				outer.Pattern, outer.MultipartForm = r.Pattern, r.MultipartForm
			}()
			next.ServeHTTP(w, r)
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), original{}, r)))
		})
	}
}
