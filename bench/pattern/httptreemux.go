package pattern

import (
	"net/http"

	"github.com/dimfeld/httptreemux/v5"
)

var treemuxNative = router{"httptreemux", native, "github.com/dimfeld/httptreemux/v5", func(routes []route) http.Handler {
	m := httptreemux.New()
	m.NotFoundHandler = nothing
	for _, r := range routes {
		h := func(http.ResponseWriter, *http.Request, map[string]string) {}
		if r.read != "" {
			h = func(_ http.ResponseWriter, _ *http.Request, p map[string]string) { ran(r.path, p[r.read]) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}

var treemuxStd = router{"httptreemux std", std, "github.com/dimfeld/httptreemux/v5", func(routes []route) http.Handler {
	m := httptreemux.NewContextMux()
	m.TreeMux.NotFoundHandler = nothing
	for _, r := range routes {
		h := nothing
		if r.read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) {
				ran(r.path, httptreemux.ContextParams(q.Context())[r.read])
			}
		}
		m.ContextGroup.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}
