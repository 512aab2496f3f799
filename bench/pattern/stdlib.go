package pattern

import "net/http"

var stdlibMux = router{"stdlib ServeMux", std, "", func(routes []route) http.Handler {
	m := http.NewServeMux()
	for _, r := range routes {
		p := braces.write(r.path)
		if p == "/" {
			p = "/{$}"
		}
		m.Handle(r.method+" "+p, pathValue(r))
	}
	return m
}}
