package respw

import (
	"io"
	"net/http"
)

// TooLarge tells the server below w that the rest of the request body will not
// be read: the connection closes behind the response, and lingers for the
// client to read it. net/http offers that to http.MaxBytesReader alone, and
// only on its own writer, so one is made to overflow on it.
//
// A fence on the way is respected: once the response was taken away, another
// goroutine may be writing to that writer.
func TooLarge(w http.ResponseWriter) {
	if rw, ok := Of(w); ok {
		rw.quick.Lock()
		defer rw.quick.Unlock()
		if !rw.cut {
			TooLarge(rw.inner)
		}
		return
	}
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		TooLarge(u.Unwrap())
		return
	}
	var two [2]byte
	_, _ = http.MaxBytesReader(w, io.NopCloser(full{}), 0).Read(two[:])
}

// full is a body that always has more.
type full struct{}

func (full) Read(p []byte) (int, error) { return len(p), nil }
