package cookies

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// minKey is the shortest key that Signer, Sealer and Draft accept: as many
// random bytes as the hash and the cipher have strength for.
const minKey = 32

// checkKeys returns an error that lists all that is wrong with the keys, and
// nothing of the keys.
func checkKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return errors.New("cookies: no key")
	}
	var errs []error
	for i, key := range keys {
		if len(key) < minKey {
			errs = append(errs, fmt.Errorf("cookies: key %d has %d bytes, want at least %d random ones", i, len(key), minKey))
		}
	}
	return errors.Join(errs...)
}

// copyKeys returns the keys for a constructor to keep, which panics if they are
// of no use.
func copyKeys(keys [][]byte) [][]byte {
	if err := checkKeys(keys); err != nil {
		panic(err)
	}
	own := make([][]byte, len(keys))
	for i, key := range keys {
		own[i] = bytes.Clone(key)
	}
	return own
}

// A protector turns the value of a cookie into text that only holds for this
// name and until the expiry, in seconds since 1970, or for good if that is 0.
// No other text opens to what was protected.
type protector interface {
	protect(name, value string, expiry int64) string
	open(name, text string) (value string, expiry int64, ok bool)
}

// setProtected is Set with the value protected. The life of the cookie is put
// under protection too: a browser forgets an expired cookie, a thief does not.
func setProtected(w http.ResponseWriter, c *http.Cookie, p protector) error {
	if c == nil {
		return errNil
	}
	protected := *c
	protected.Value = p.protect(c.Name, c.Value, expiryOf(c))
	return Set(w, &protected)
}

// longestLife is the life at which browsers cap a cookie (RFC 6265bis, section
// 5.5).
const longestLife = 400 * 24 * time.Hour

// capped returns c with a life of no more than longestLife, whichever way it is
// given: what it was to live beyond that, no browser keeps it.
func capped(c *http.Cookie) *http.Cookie {
	short := *c
	short.MaxAge = min(c.MaxAge, int(longestLife/time.Second))
	if last := time.Now().Add(longestLife); c.Expires.After(last) {
		short.Expires = last
	}
	return &short
}

// expiryOf returns when the cookie ends, in seconds since 1970, or 0 if it has no
// expiry. One that has ended already, at 0 even, is no cookie without expiry.
func expiryOf(c *http.Cookie) int64 {
	c = capped(c)
	switch {
	case c.MaxAge != 0:
		return max(1, time.Now().Unix()+int64(c.MaxAge))
	case !c.Expires.IsZero():
		return max(1, c.Expires.Unix())
	}
	return 0
}

// lookupProtected returns the first cookie of the name that holds. The ones that
// do not are passed over: a subdomain can plant them, and must not be able to hide
// a good one with a bad one.
//
// A cookie holds in the one spelling in which it was set. If other escapes for
// the same bytes held as well, a client could carry a cookie past a list of those
// that were revoked.
func lookupProtected(r *http.Request, name string, p protector) (string, bool) {
	for text := range texts(r, name) {
		protected := decode(text)
		if encode(protected) != text {
			continue
		}
		value, expiry, ok := p.open(name, protected)
		if ok && (expiry == 0 || time.Now().Unix() < expiry) {
			return value, true
		}
	}
	return "", false
}
