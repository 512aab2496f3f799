package pattern_test

import "net/http"

var stdlibMux = router{"stdlib ServeMux", true, func(routes []route, read string) http.Handler {
	m := http.NewServeMux()
	for _, r := range routes {
		p := braces.write(r.path)
		if p == "/" {
			p = "/{$}"
		}
		m.Handle(r.method+" "+p, pathValue(r.path, read))
	}
	return m
}}
