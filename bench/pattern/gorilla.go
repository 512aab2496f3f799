package pattern

import (
	"net/http"

	"github.com/gorilla/mux"
)

var gorillaMux = router{"gorilla/mux", std, "github.com/gorilla/mux", func(routes []route) http.Handler {
	m := mux.NewRouter()
	m.NotFoundHandler = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := nothing
		if r.read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) { ran(r.path, mux.Vars(q)[r.read]) }
		}
		m.HandleFunc(syntax{"{%s}", "{%s:.*}"}.write(r.path), h).Methods(r.method)
	}
	return m
}}
