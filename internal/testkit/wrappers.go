package testkit

import (
	"bytes"
	"net/http"
)

// The writers below are what foreign middleware puts between a layer and the server.
// Each does one thing that real ones do.

// Unwrapping hides every optional method and offers Unwrap.
type Unwrapping struct{ http.ResponseWriter }

func (w Unwrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Bare hides every optional method and offers nothing.
type Bare struct{ http.ResponseWriter }

// Counting is an access logger: status and bytes, with Unwrap and Flush.
type Counting struct {
	http.ResponseWriter
	Status int
	Bytes  int
}

func (w *Counting) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w *Counting) WriteHeader(status int) {
	if status >= 200 && w.Status == 0 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *Counting) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.Bytes += n
	return n, err
}

func (w *Counting) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// Buffering holds the response back until Send, as compressors and ETag middleware do.
// Bytes that bypass it arrive out of order.
type Buffering struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *Buffering) Unwrap() http.ResponseWriter       { return w.ResponseWriter }
func (w *Buffering) WriteHeader(status int)            { w.status = status }
func (w *Buffering) Write(p []byte) (int, error)       { return w.body.Write(p) }
func (w *Buffering) WriteString(s string) (int, error) { return w.body.WriteString(s) }

// Flush sends the bytes held back.
func (w *Buffering) Flush() {
	w.Send()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Send sends the response.
func (w *Buffering) Send() {
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
		w.status = 0
	}
	_, _ = w.ResponseWriter.Write(w.body.Bytes())
	w.body.Reset()
}

// Foreign returns the middleware form of each, by name, including "none".
func Foreign() map[string]func(http.Handler) http.Handler {
	with := func(wrap func(http.ResponseWriter) http.ResponseWriter) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				foreign := wrap(w)
				next.ServeHTTP(foreign, r)
				if b, ok := foreign.(*Buffering); ok {
					b.Send()
				}
			})
		}
	}
	return map[string]func(http.Handler) http.Handler{
		"none":       with(func(w http.ResponseWriter) http.ResponseWriter { return w }),
		"unwrapping": with(func(w http.ResponseWriter) http.ResponseWriter { return Unwrapping{w} }),
		"bare":       with(func(w http.ResponseWriter) http.ResponseWriter { return Bare{w} }),
		"counting":   with(func(w http.ResponseWriter) http.ResponseWriter { return &Counting{ResponseWriter: w} }),
		"buffering":  with(func(w http.ResponseWriter) http.ResponseWriter { return &Buffering{ResponseWriter: w} }),
	}
}
