package cache

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a Cache-Status header says (RFC 9211), and Next's word beside it.
const (
	cacheName = "apiece"

	bypass  = cacheName + "; fwd=bypass; detail="  // we do not look
	request = cacheName + "; fwd=request; detail=" // the request does not want us to
	method  = cacheName + "; fwd=method"
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
	left := e.Policy.TTL - e.age(now)
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

// send answers with an entry. Its age is left out where it was made just now.
func (c *Cache) send(w http.ResponseWriter, r *http.Request, e *Entry, status, word string, now time.Time) {
	h := w.Header()
	v := make(values, 0, len(e.Header)+3) // which one value for each field needs
	if e.fields != nil {
		e.fields.join(&v, h)
	} else {
		v.join(h, e.Header)
	}
	c.markWith(&v, h, status, word)
	if age := int64(e.age(now) / time.Second); age > 0 || word != "MISS" {
		v.set(h, "Age", strconv.FormatInt(age, 10))
	}
	switch {
	case e.Status == http.StatusOK && notModified(e.Header, r.Header):
		answerNotModified(w)
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

// asksForBytes reports whether a Range is one in bytes; others are ignored (RFC
// 9110, section 14.2).
func asksForBytes(ranges []string) bool {
	return len(ranges) == 1 && strings.HasPrefix(ranges[0], "bytes=")
}

// sendRange answers with the parts of an entry that are asked for (RFC 9110,
// section 14): net/http knows how, and what If-Range is.
func sendRange(w http.ResponseWriter, r *http.Request, e *Entry) {
	delete(w.Header(), "Content-Length")
	modified, _ := date(e.Header["Last-Modified"])
	http.ServeContent(w, r, "", modified, bytes.NewReader(e.Body))
}

// isList reports whether the layers outside and the handler both have a say in a
// field, rather than the handler alone.
func isList(name string) bool {
	return name == "Vary" || name == "Cache-Status" || name == "Set-Cookie"
}

// values is memory for the values of header fields, so that they take one
// allocation together.
type values []string

// set makes more the values of a field, or adds them to a list to which all
// add.
func (v *values) set(h http.Header, name string, more ...string) {
	start := len(*v)
	if isList(name) {
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

// fields are a header of one value for each name, as nearly all are, ready to be
// sent: to go through a map costs as much as all else that a response needs.
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
