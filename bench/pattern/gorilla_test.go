package pattern_test

import (
	"net/http"

	"github.com/gorilla/mux"
)

var gorillaMux = router{"gorilla/mux", true, func(routes []route, read string) http.Handler {
	m := mux.NewRouter()
	m.NotFoundHandler = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := nothing
		if read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) { ran(r.path, mux.Vars(q)[read]) }
		}
		m.HandleFunc(syntax{"{%s}", "{%s:.*}"}.write(r.path), h).Methods(r.method)
	}
	return m
}}
