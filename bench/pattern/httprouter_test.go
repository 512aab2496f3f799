package pattern_test

import (
	"net/http"

	"github.com/julienschmidt/httprouter"
)

var httprouterNative = router{"httprouter", false, func(routes []route, read string) http.Handler {
	m := httprouter.New()
	m.NotFound = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := func(http.ResponseWriter, *http.Request, httprouter.Params) {}
		if read != "" {
			h = func(_ http.ResponseWriter, _ *http.Request, p httprouter.Params) { ran(r.path, p.ByName(read)) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}

var httprouterStd = router{"httprouter std", true, func(routes []route, read string) http.Handler {
	m := httprouter.New()
	m.NotFound = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := nothing
		if read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) {
				ran(r.path, httprouter.ParamsFromContext(q.Context()).ByName(read))
			}
		}
		m.HandlerFunc(r.method, colonStar.write(r.path), h)
	}
	return m
}}
