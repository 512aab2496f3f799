package middleware

import "net/http"

func Opaque(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func Made() func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if next == nil {
			return http.NotFoundHandler()
		}
		return http.HandlerFunc(next.ServeHTTP)
	}
}

func Transparent(next http.Handler) http.Handler {
	return through{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve := func() http.Handler { return http.HandlerFunc(next.ServeHTTP) }
		serve().ServeHTTP(w, r)
	}), next}
}

type through struct {
	http.Handler
	next http.Handler
}

func (t through) Unwrap() http.Handler { return t.next }
