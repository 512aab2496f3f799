package pattern

import (
	"net/http"

	"github.com/uptrace/bunrouter"
)

func newBun() *bunrouter.Router {
	return bunrouter.New(bunrouter.WithNotFoundHandler(func(http.ResponseWriter, bunrouter.Request) error { return nil }))
}

var bunNative = router{"bunrouter", native, "github.com/uptrace/bunrouter", func(routes []route) http.Handler {
	m := newBun()
	for _, r := range routes {
		h := func(http.ResponseWriter, bunrouter.Request) error { return nil }
		if r.read != "" {
			h = func(_ http.ResponseWriter, q bunrouter.Request) error { ran(r.path, q.Param(r.read)); return nil }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}

var bunStd = router{"bunrouter std", std, "github.com/uptrace/bunrouter", func(routes []route) http.Handler {
	m := newBun().Compat()
	for _, r := range routes {
		h := nothing
		if r.read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) {
				ran(r.path, bunrouter.ParamsFromContext(q.Context()).ByName(r.read))
			}
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}
