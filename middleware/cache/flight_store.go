package cache

import (
	"context"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// newEntry returns the response as an entry without a key.
func (f *flight) newEntry(rec *recorder) *Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &Entry{
		Number:   f.number,
		Tags:     append([]string{pathTag(f.key.uri)}, f.tags.list...),
		Status:   rec.status,
		Header:   rec.sent,
		Body:     slices.Clip(rec.body),
		Created:  rec.created.Add(-ageOf(rec.sent)), // it may have had an Age on arrival
		Lifetime: rec.lifetime,
	}
	if rec.validated {
		e.Tags = append(e.Tags, f.old.Tags...)
		slices.Sort(e.Tags[1:])
		e.Tags = append(e.Tags[:1], slices.DeleteFunc(slices.Compact(e.Tags[1:]), func(tag string) bool { return tag == e.Tags[0] })...)
	}
	h := e.Header
	deleteConnectionFields(h)
	delete(h, "Age")
	// A HEAD request has no body to detect these from.
	if _, set := h["Content-Type"]; !set && f.outerHeader["Content-Type"] == nil && h["Content-Encoding"] == nil && len(e.Body) > 0 {
		h["Content-Type"] = []string{http.DetectContentType(e.Body)}
	}
	if contentLength(h) < 0 {
		h["Content-Length"] = []string{strconv.Itoa(len(e.Body))}
	}
	e.fields = fieldsOf(h)
	return e
}

// deleteConnectionFields deletes the fields that belong to one message, not to the
// response: those that Connection names, and the known ones (RFC 9111, section 3.1).
func deleteConnectionFields(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(h, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization",
		"Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade"} {
		delete(h, name)
	}
}

// freshened returns the header of an entry updated with that of the 304 that validated it
// (RFC 9111, section 3.2).
func freshened(old, h http.Header) http.Header {
	h = h.Clone()
	deleteConnectionFields(h)
	for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Type"} {
		delete(h, name) // describes the body, which the 304 lacks
	}
	merged := old.Clone()
	maps.Copy(merged, h)
	return merged
}

// store finds the key of the entry, and stores it if it may be stored. It returns the
// names of the fields that are part of the key: those the response names, and those
// already known for the URL.
//
// New names go into the store as well. Two concurrent flights may overwrite each other's
// names: an entry under an outdated key is never found, and the next flight learns the
// names again.
func (f *flight) store(rec *recorder, e *Entry) (vary []string) {
	c, ctx := f.cache, context.WithoutCancel(&f.node)
	vary, _ = parseVary(e.Header)
	known, err := c.knownVary(ctx, f.key.key)
	if known != nil {
		vary = slices.Concat(vary, known.Vary)
		slices.Sort(vary)
		vary = slices.Compact(vary)
	}
	e.Key = variant(f.key.key, vary, rec.r.Header)
	if rec.why != kept {
		return vary
	}
	if f.number == 0 {
		rec.why = generationsFailed
		return vary
	}
	if err != nil {
		rec.why = storeFailed
		return vary
	}
	valid, err := c.valid(ctx, e)
	switch {
	case err != nil:
		rec.why = generationsFailed
		return vary
	case !valid:
		rec.why = invalidated
		return vary
	case len(vary) > maxVary, len(e.Key) > maxKey:
		rec.why = tooManyVariants
		return vary
	}
	err = c.backend.Note(ctx, e.Tags[0], e.Expires())
	if err == nil && len(vary) > 0 && (known == nil || len(known.Vary) < len(vary) || known.Expires().Before(e.Expires())) {
		names := &Entry{Key: f.key.key, Number: e.Number, Vary: vary, Created: e.Created, Lifetime: e.Lifetime}
		if known != nil {
			names.Number = max(e.Number, known.Number)
		}
		err = c.backend.Set(ctx, names)
	}
	if err == nil {
		err = c.backend.Set(ctx, e)
	}
	if err != nil {
		rec.why = storeFailed
	} else if f.revalidation == nil {
		c.noteRequest(rec.r, f.key)
	}
	return vary
}

// knownVary returns the names that the responses of a URL vary with, nil if they are not
// known.
func (c *Cache) knownVary(ctx context.Context, key string) (*Entry, error) {
	e, err := c.backend.Get(ctx, key)
	if e == nil || len(e.Vary) == 0 || e.Status != 0 {
		return nil, err
	}
	return e, err
}
