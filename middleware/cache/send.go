package cache

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/response"
)

// Values of the Cache-Status header (RFC 9211), and of Next.js's header beside it.
const (
	cacheName = "apiece"

	fwdBypass  = cacheName + "; fwd=bypass"  // the cache does not look
	fwdRequest = cacheName + "; fwd=request" // the request asks the cache not to look
	fwdMethod  = cacheName + "; fwd=method"
)

// forwarded says that the handler ran because no stored response matched, or because it
// was stale.
func forwarded(had bool) string {
	if had {
		return cacheName + "; fwd=stale"
	}
	return cacheName + "; fwd=miss"
}

// addCacheStatus adds to h where the response comes from.
func (c *Cache) addCacheStatus(h http.Header, status, word string) {
	var v values
	c.addCacheStatusTo(&v, h, status, word)
}

func (c *Cache) addCacheStatusTo(v *values, h http.Header, status, word string) {
	v.set(h, "Cache-Status", status)
	if c.cfg.StatusHeader != "" && word != "" {
		v.set(h, c.cfg.StatusHeader, word)
	}
}

// sendStored responds with an entry from the store.
func (c *Cache) sendStored(w http.ResponseWriter, r *http.Request, e *Entry, now time.Time) {
	left := e.Lifetime.TTL - e.age(now)
	word := "HIT"
	if left <= 0 {
		word = "STALE"
		c.count.stale.Add(1)
	} else {
		c.count.hits.Add(1)
	}
	var buf [len(cacheName) + 32]byte
	status := strconv.AppendInt(append(buf[:0], cacheName+"; hit; ttl="...), int64(left/time.Second), 10)
	c.send(w, r, e, string(status), word, now)
}

// send responds with an entry. It leaves out the Age of an entry that was just made.
func (c *Cache) send(w http.ResponseWriter, r *http.Request, e *Entry, status, word string, now time.Time) {
	h := w.Header()
	v := make(values, 0, len(e.Header)+3) // enough for one value per field
	if e.fields != nil {
		e.fields.join(&v, h)
	} else {
		v.join(h, e.Header)
	}
	c.addCacheStatusTo(&v, h, status, word)
	if age := int64(e.age(now) / time.Second); age > 0 || word != "MISS" {
		v.set(h, "Age", strconv.FormatInt(age, 10))
	}
	switch {
	case e.Status == http.StatusOK && notModified(r, e.Header):
		sendNotModified(w)
		return
	case e.Status == http.StatusOK && r.Method == http.MethodGet && asksForBytes(r.Header["Range"]):
		sendRange(w, r, e)
		return
	}
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead && len(e.Body) > 0 {
		_, _ = w.Write(e.Body)
	}
}

// asksForBytes reports whether a Range is in bytes; other units are ignored (RFC 9110,
// section 14.2).
func asksForBytes(ranges []string) bool {
	return len(ranges) == 1 && strings.HasPrefix(ranges[0], "bytes=")
}

// notModified reports whether the client has the response with header h already. The
// handler does not evaluate the condition: its response is for every client.
func notModified(r *http.Request, h http.Header) bool {
	if r.Header["If-None-Match"] == nil && r.Header["If-Modified-Since"] == nil {
		return false // saves most hits the two lookups in h
	}
	return response.NotModified(r, h.Get("Etag"), h.Get("Last-Modified"))
}

// sendNotModified responds with 304, without the fields that describe the body.
func sendNotModified(w http.ResponseWriter) {
	h := w.Header()
	delete(h, "Content-Type")
	delete(h, "Content-Length")
	delete(h, "Content-Encoding")
	if h["Etag"] != nil {
		delete(h, "Last-Modified")
	}
	w.WriteHeader(http.StatusNotModified)
}

// sendRange responds with the requested parts of an entry (RFC 9110, section 14).
// net/http does that, including If-Range. It does not see the other conditions, which
// notModified has decided.
func sendRange(w http.ResponseWriter, r *http.Request, e *Entry) {
	delete(w.Header(), "Content-Length")
	modified, _ := date(e.Header["Last-Modified"])
	ranges := &http.Request{Method: r.Method, Header: http.Header{"Range": r.Header["Range"], "If-Range": r.Header["If-Range"]}}
	http.ServeContent(w, ranges, "", modified, bytes.NewReader(e.Body))
}

// isList reports whether layers outside and the handler both add to a field, rather than
// the handler alone setting it.
func isList(name string) bool {
	return name == "Vary" || name == "Cache-Status" || name == "Set-Cookie"
}

// values allocates the values of many header fields at once.
type values []string

// set sets a field to more, or appends to it if it is a list that several layers add to.
func (v *values) set(h http.Header, name string, more ...string) {
	start := len(*v)
	if isList(name) {
		*v = append(*v, h[name]...)
	}
	*v = append(*v, more...)
	h[name] = (*v)[start:len(*v):len(*v)]
}

// join adds a handler's header to the fields of layers outside, which it replaces. It
// copies the values, so that changes to h leave the stored entry alone.
func (v *values) join(h, from http.Header) {
	for name, own := range from {
		if own == nil {
			h[name] = nil // keeps net/http from detecting a Content-Type
			continue
		}
		v.set(h, name, own...)
	}
}

// fields are a header with one value per name, as nearly all are, ready to be sent:
// ranging over a map costs as much as the rest of a response.
type fields struct{ names, values []string }

// fieldsOf returns nil for a header that is not of that kind.
func fieldsOf(h http.Header) *fields {
	f := new(fields)
	for name, values := range h {
		if len(values) != 1 || isList(name) {
			return nil
		}
		f.names = append(f.names, name)
		f.values = append(f.values, values[0])
	}
	return f
}

// join does as values.join does.
func (f *fields) join(v *values, h http.Header) {
	start := len(*v)
	*v = append(*v, f.values...)
	for i, name := range f.names {
		h[name] = (*v)[start+i : start+i+1 : start+i+1]
	}
}
