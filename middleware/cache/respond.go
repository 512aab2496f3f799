package cache

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// What a Cache-Status header says (RFC 9211), and Next's word beside it.
const (
	cacheName = "apiece"

	bypassed = cacheName + "; fwd=bypass"  // we do not look
	asked    = cacheName + "; fwd=request" // the request does not want us to
	byMethod = cacheName + "; fwd=method"
)

// forwarded says that the handler ran because nothing fit, or because what did
// was stale.
func forwarded(had bool) string {
	if had {
		return cacheName + "; fwd=stale"
	}
	return cacheName + "; fwd=miss"
}

// mark adds to h where the response comes from.
func (c *Cache) mark(h http.Header, status, word string) {
	var v values
	c.markWith(&v, h, status, word)
}

func (c *Cache) markWith(v *values, h http.Header, status, word string) {
	v.set(h, "Cache-Status", status)
	if c.cfg.StatusHeader != "" && word != "" {
		v.set(h, c.cfg.StatusHeader, word)
	}
}

// sendStored answers with an entry that was in the store.
func (c *Cache) sendStored(w http.ResponseWriter, r *http.Request, e *Entry, now time.Time) {
	age := now.Sub(e.Created)
	left := e.Policy.TTL - age
	word := "HIT"
	if left <= 0 {
		word = "STALE"
	}
	var buf [len(cacheName) + 32]byte
	status := strconv.AppendInt(append(buf[:0], cacheName+"; hit; ttl="...), int64(left/time.Second), 10)
	c.send(w, r, e, string(status), word, strconv.FormatInt(int64(max(age, 0)/time.Second), 10))
}

// send answers with an entry; age is empty if it was made just now.
func (c *Cache) send(w http.ResponseWriter, r *http.Request, e *Entry, status, word, age string) {
	h := w.Header()
	v := make(values, 0, len(e.Header)+3) // which one value for each field needs
	v.join(h, e.Header)
	c.markWith(&v, h, status, word)
	if age != "" {
		v.set(h, "Age", age)
	}
	if e.Status == http.StatusOK && notModified(e.Header, r.Header) {
		answerNotModified(w)
		return
	}
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead && len(e.Body) > 0 {
		_, _ = w.Write(e.Body)
	}
}

// values is memory for the values of header fields, so that they take one
// allocation together.
type values []string

// set makes more the values of a field, or adds them to a list that everybody
// adds to.
func (v *values) set(h http.Header, name string, more ...string) {
	start := len(*v)
	switch name {
	case "Vary", "Cache-Status", "Set-Cookie":
		*v = append(*v, h[name]...)
	}
	*v = append(*v, more...)
	h[name] = (*v)[start:len(*v):len(*v)]
}

// join adds the header of a handler to what layers outside have set, whose
// fields it replaces. The values are copied: what is stored stays as it is,
// whatever is done to h.
func (v *values) join(h, from http.Header) {
	for name, own := range from {
		if own == nil {
			h[name] = nil // which keeps net/http from finding a Content-Type
			continue
		}
		v.set(h, name, own...)
	}
}

// notModified reports whether the client has the response already (RFC 9110,
// section 13.2.2). The handler was not asked: it has answered for everybody.
func notModified(h, request http.Header) bool {
	if none := request["If-None-Match"]; none != nil {
		return matches(none, h.Get("Etag"))
	}
	if request["If-Modified-Since"] == nil || h["Last-Modified"] == nil {
		return false
	}
	since, err := http.ParseTime(request.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}

// matches reports whether one of the listed tags is the etag, weakly.
func matches(lines []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		for line = textproto.TrimString(line); line != ""; line = strings.TrimLeft(line, " \t,") {
			if line == "*" {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			if line == "" || line[0] != '"' {
				break // no list of tags
			}
			end := strings.IndexByte(line[1:], '"')
			if end < 0 {
				break
			}
			if tag := line[:end+2]; tag == etag {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}

func answerNotModified(w http.ResponseWriter) {
	h := w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Length")
	delete(h, "Content-Encoding")
	if h["Etag"] != nil {
		delete(h, "Last-Modified")
	}
	w.WriteHeader(http.StatusNotModified)
}
