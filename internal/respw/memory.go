package respw

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strconv"
)

// A Memory is a response in memory: what answers an error writes to one, so that
// it is sent whole or not at all.
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

// WriteHeader fixes the status. Informational responses go nowhere.
func (m *Memory) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic(invalid(status))
	}
	if m.Status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		m.Status = status
	}
}

// invalid is the value of the panic, as in net/http.
func invalid(status int) string { return fmt.Sprintf("apiece: invalid WriteHeader code %d", status) }

// Write appends to the body.
func (m *Memory) Write(p []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	return m.Body.Write(p)
}

// Send writes the response to w, whose header it replaces, and says how long it
// is: who sends it may be kept from ending it for long.
func (m *Memory) Send(w http.ResponseWriter, head bool) (err error) {
	h := w.Header()
	replace(h, m.header)
	bodiless := m.Status < 200 || m.Status == http.StatusNoContent || m.Status == http.StatusNotModified
	if !bodiless && (!head || len(h["Content-Length"]) == 0) { // of a HEAD it is what the body would be
		h["Content-Length"] = []string{strconv.Itoa(m.Body.Len())}
	}
	w.WriteHeader(m.Status)
	if !head && !bodiless && m.Body.Len() > 0 {
		_, err = w.Write(m.Body.Bytes())
	}
	return err
}

// replace makes dst hold what src holds. The values are shared.
func replace(dst, src http.Header) {
	clear(dst)
	maps.Copy(dst, src)
}
