package pattern_test

import (
	"net/http"

	"github.com/dimfeld/httptreemux/v5"
)

var treemuxNative = router{"httptreemux", false, func(routes []route, read string) http.Handler {
	m := httptreemux.New()
	m.NotFoundHandler = nothing
	for _, r := range routes {
		h := func(http.ResponseWriter, *http.Request, map[string]string) {}
		if read != "" {
			h = func(_ http.ResponseWriter, _ *http.Request, p map[string]string) { ran(r.path, p[read]) }
		}
		m.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}

var treemuxStd = router{"httptreemux std", true, func(routes []route, read string) http.Handler {
	m := httptreemux.NewContextMux()
	m.TreeMux.NotFoundHandler = nothing
	for _, r := range routes {
		h := nothing
		if read != "" {
			h = func(_ http.ResponseWriter, q *http.Request) {
				ran(r.path, httptreemux.ContextParams(q.Context())[read])
			}
		}
		m.ContextGroup.Handle(r.method, colonStar.write(r.path), h)
	}
	return m
}}
