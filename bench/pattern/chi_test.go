package pattern_test

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

var chiMux = router{"chi", true, func(routes []route, read string) http.Handler {
	m := chi.NewRouter()
	m.NotFound(nothing)
	for _, r := range routes {
		h := nothing
		if read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) { ran(r.path, chi.URLParam(q, read)) }
		}
		m.MethodFunc(r.method, syntax{"{%s}", "*"}.write(r.path), h)
	}
	return m
}}
