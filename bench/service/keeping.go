package service

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// around returns h with what it lacks of the promises of the form.
func (f form) around(h http.Handler, timeout time.Duration) http.Handler {
	if f != samePromises {
		return h
	}
	return keeping(h, timeout)
}

// of says in s what the form leaves out.
func (f form) of(s server) server {
	switch f {
	case equalPromises:
		s.weaker = []string{"no bound on the time of a handler, nor on that of a slow body", "no limit on responses, no ETag, no nosniff"}
	case samePromises:
		weaker := []string{"503 at the deadline, and the handler goes on", "nothing leaves before the handler returns, but for the streams, which have no timeout"}
		for _, w := range s.weaker {
			if strings.Contains(w, "follows the JSON value") {
				weaker = append(weaker, w)
			}
		}
		s.weaker = weaker
	}
	return s
}

// keeping is how a service on net/http keeps the promises of the kit by public means,
// written as well as can be: the buffer is pooled, the hash is the one of the kit. The
// stream stands beside the timeout, since an http.TimeoutHandler cannot flush. A limit
// on bodies all of them have of their own.
func keeping(h http.Handler, timeout time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/events/", h)
	mux.Handle("/", tagging(http.TimeoutHandler(h, timeout, jsonOf(failure(http.StatusServiceUnavailable).body()))))
	return recovering(mux)
}

// recovering responds to a panic with 500, unless part of the response was sent: then
// it cuts the connection, so that the part does not look complete.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := &watch{ResponseWriter: w}
		defer func() {
			switch v := recover(); {
			case v == nil:
			case watched.sent || v == http.ErrAbortHandler:
				panic(http.ErrAbortHandler)
			default:
				fail(w, r, failure(http.StatusInternalServerError))
			}
		}()
		next.ServeHTTP(watched, r)
	})
}

// watch knows whether something was sent.
type watch struct {
	http.ResponseWriter
	sent bool
}

func (w *watch) WriteHeader(status int)      { w.sent = true; w.ResponseWriter.WriteHeader(status) }
func (w *watch) Write(p []byte) (int, error) { w.sent = true; return w.ResponseWriter.Write(p) }
func (w *watch) Flush()                      { w.sent = true; w.ResponseWriter.(http.Flusher).Flush() }
func (w *watch) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// tagging holds a response back for its ETag, and says that it is too large.
func tagging(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := bodies.Get().(*bytes.Buffer)
		defer bodies.Put(body)
		body.Reset()
		held := &held{ResponseWriter: w, body: body, status: http.StatusOK}
		next.ServeHTTP(held, r)
		if body.Len() > replyLimit {
			slog.Warn("large response", "path", r.URL.Path, "size", body.Len())
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		tag := `"` + strconv.FormatUint(xxhash.Sum64(body.Bytes()), 32) + `"`
		h.Set("ETag", tag)
		if held.status == http.StatusOK && r.Method == http.MethodGet && slices.Contains(r.Header["If-None-Match"], tag) {
			h.Del("Content-Type")
			h.Del("Content-Length")
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Length", strconv.Itoa(body.Len()))
		w.WriteHeader(held.status)
		w.Write(body.Bytes())
	})
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

type held struct {
	http.ResponseWriter
	body   *bytes.Buffer
	status int
}

func (h *held) WriteHeader(status int)      { h.status = status }
func (h *held) Write(p []byte) (int, error) { return h.body.Write(p) }
