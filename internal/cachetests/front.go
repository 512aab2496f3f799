package main

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"github.com/apiece/apiece/middleware/cache"
)

// serveCache serves a cache with the zero Config in front of the origin, and
// returns its address.
func serveCache(origin string) (address string, stop func(), err error) {
	target, err := url.Parse(origin)
	if err != nil {
		return "", nil, err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	pages := cache.New(cache.Config{Logger: slog.New(slog.DiscardHandler)})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: pages.Middleware(proxy)}
	go server.Serve(ln)
	return "http://" + ln.Addr().String(), func() { server.Close() }, nil
}
