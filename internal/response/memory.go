package response

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// A Memory is a response in memory: hooks render an error into one, so that it is sent
// whole or not at all.
type Memory struct {
	Status int // 0 until the header is committed
	Body   bytes.Buffer
	header http.Header
}

// NewMemory returns a Memory whose header starts as a copy of base.
func NewMemory(base http.Header) *Memory {
	m := &Memory{header: maps.Clone(base)}
	if m.header == nil {
		m.header = make(http.Header)
	}
	return m
}

// Header returns the header of the response.
func (m *Memory) Header() http.Header { return m.header }

// WriteHeader fixes the status. Informational responses are dropped.
func (m *Memory) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(invalid(status))
	}
	if m.Status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		m.Status = status
	}
}

// invalid is the panic value of net/http.
func invalid(status int) string { return fmt.Sprintf("apiece: invalid WriteHeader code %d", status) }

// Write appends to the body.
func (m *Memory) Write(p []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.Body.Write(p)
}

// Send writes the response to w, whose header it replaces, and declares its length: the
// sender may be unable to end it for long.
func (m *Memory) Send(w http.ResponseWriter, head bool) (err error) {
	h := w.Header()
	replace(h, m.header)
	bodiless := m.Status < 200 || m.Status == http.StatusNoContent || m.Status == http.StatusNotModified
	if !bodiless && (!head || len(h["Content-Length"]) == 0) { // for HEAD it is the length of the body of GET
		h["Content-Length"] = []string{strconv.Itoa(m.Body.Len())}
	}
	w.WriteHeader(m.Status)
	if !head && !bodiless && m.Body.Len() > 0 {
		_, err = w.Write(m.Body.Bytes())
	}
	return err
}

// replace replaces the content of dst with that of src. The values are shared.
func replace(dst, src http.Header) {
	clear(dst)
	maps.Copy(dst, src)
}
