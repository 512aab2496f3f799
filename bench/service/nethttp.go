package service

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-playground/validator/v10"
)

// bareServer is what can be written by hand with no library but the validator,
// and with no layer around it: the floor.
func bareServer(f form) server {
	return f.of(server{
		name: bare,
		weaker: []string{
			"no bound on the time of a handler, nor on that of a slow body",
			"a panic drops the connection without an answer",
			"no limit on responses, no ETag",
		},
		listen: func(timeout time.Duration) func(net.Listener) error {
			v := newValidator()
			mux := http.NewServeMux()
			mux.HandleFunc("POST /api/posts", func(w http.ResponseWriter, r *http.Request) {
				p, err := readPost(http.MaxBytesReader(w, r.Body, bodyLimit), v)
				if err != nil {
					fail(w, r, err)
					return
				}
				writeJSON(w, http.StatusCreated, accept(p))
			})
			mux.HandleFunc("GET /api/posts/{id}", func(w http.ResponseWriter, r *http.Request) {
				p, err := find(r.PathValue("id"))
				if err != nil {
					fail(w, r, err)
					return
				}
				writeJSON(w, http.StatusOK, p)
			})
			mux.HandleFunc("GET /page", writePage)
			mux.HandleFunc("GET /api/events/{n}", func(w http.ResponseWriter, r *http.Request) {
				writeEvents(w, r, r.PathValue("n"))
			})
			mux.HandleFunc("GET /api/slow", slow(timeout))
			mux.HandleFunc("GET /api/panic", panics)
			mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
				fail(w, r, failure(http.StatusNotFound))
			})
			return overHTTP(f.around(mux, timeout))
		},
	})
}

// readPost decodes and checks a body that is bounded already. ReadAll and
// Unmarshal are quicker than a Decoder, and see what follows the value.
func readPost(body io.Reader, v *validator.Validate) (p newPost, err error) {
	text, err := io.ReadAll(body)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil {
		err = v.Struct(&p)
	}
	return p, err
}

func writePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	io.WriteString(w, page)
}

// writeEvents sends n events, or for 0 a single one and then none until the
// client goes.
func writeEvents(w http.ResponseWriter, r *http.Request, n string) {
	count, err := strconv.Atoi(n)
	if err != nil {
		fail(w, r, failure(http.StatusBadRequest))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flusher := http.NewResponseController(w)
	for range max(count, 1) {
		if _, err := fmt.Fprintf(w, "event: post\ndata: %s\n\n", event); err != nil {
			return
		}
		if err := flusher.Flush(); err != nil {
			return
		}
	}
	openOrFails(r.Context(), count)
}

// openOrFails keeps a stream of 0 events open, and has one of less than 0 fail.
func openOrFails(ctx context.Context, count int) {
	switch {
	case count == 0:
		<-ctx.Done()
	case count < 0:
		panic("a stream that fails")
	}
}

// slow is a handler that takes four times its timeout and ignores its context.
func slow(timeout time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(4 * timeout)
		writeJSON(w, http.StatusOK, "late")
	}
}

func panics(http.ResponseWriter, *http.Request) { panic("a handler that fails") }
