package pattern

import (
	"net/http"

	"github.com/julienschmidt/httprouter"
)

var httprouterNative = router{"httprouter", native, "github.com/julienschmidt/httprouter", func(routes []route) http.Handler {
	m := httprouter.New()
	m.NotFound = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := func(http.ResponseWriter, *http.Request, httprouter.Params) {}
		if r.read != "" {
			h = func(_ http.ResponseWriter, _ *http.Request, p httprouter.Params) { ran(r.path, p.ByName(r.read)) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}

var httprouterStd = router{"httprouter std", std, "github.com/julienschmidt/httprouter", func(routes []route) http.Handler {
	m := httprouter.New()
	m.NotFound = http.HandlerFunc(nothing)
	for _, r := range routes {
		h := nothing
		if r.read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) {
				ran(r.path, httprouter.ParamsFromContext(q.Context()).ByName(r.read))
			}
		}
		m.HandlerFunc(r.method, colonStar.write(r.path), h)
	}
	return m
}}
