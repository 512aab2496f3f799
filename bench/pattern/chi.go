package pattern

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

var chiMux = router{"chi", std, "github.com/go-chi/chi/v5", func(routes []route) http.Handler {
	m := chi.NewRouter()
	m.NotFound(nothing)
	for _, r := range routes {
		h := nothing
		if r.read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) { ran(r.path, chi.URLParam(q, r.star())) }
		}
		m.MethodFunc(r.method, syntax{"{%s}", "*"}.write(r.path), h)
	}
	return m
}}
