package stream_test

import "net/http"

// discard is a client that only counts writes.
type discard struct {
	header http.Header
	writes int
}

func (d *discard) WriteHeader(int) {}
func (d *discard) Flush()          {}

func (d *discard) Header() http.Header {
	if d.header == nil {
		d.header = make(http.Header)
	}
	return d.header
}

func (d *discard) Write(p []byte) (int, error) {
	d.writes++
	return len(p), nil
}
