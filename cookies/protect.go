package cookies

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// minKey is the shortest key that Signer, Sealer and Draft accept: as many
// random bytes as the strength of the hash and the cipher.
const minKey = 32

// checkKeys returns an error that lists every mistake in the keys, without the
// keys.
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

// copyKeys returns the keys for a constructor to keep. It panics if they are
// not valid.
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

// A protector turns the value of a cookie into text that is valid only for this
// name and until the expiry, in seconds since 1970, or forever if that is 0. No
// other text opens to the protected value.
type protector interface {
	protect(name, value string, expiry int64) string
	open(name, text string) (value string, expiry int64, ok bool)
}

// setProtected is Set with the value protected. So is the lifetime of the
// cookie: a browser forgets an expired cookie, a thief does not.
func setProtected(w http.ResponseWriter, c *http.Cookie, p protector) error {
	if c == nil {
		return errNil
	}
	protected := *c
	protected.Value = p.protect(c.Name, c.Value, expiryOf(c))
	return Set(w, &protected)
}

// longestLife is the lifetime at which browsers cap a cookie (RFC 6265bis,
// section 5.5).
const longestLife = 400 * 24 * time.Hour

// capped returns c with a lifetime of at most longestLife, by MaxAge or
// Expires. No browser keeps it for longer.
func capped(c *http.Cookie) *http.Cookie {
	short := *c
	short.MaxAge = min(c.MaxAge, int(longestLife/time.Second))
	if last := time.Now().Add(longestLife); c.Expires.After(last) {
		short.Expires = last
	}
	return &short
}

// expiryOf returns when the cookie ends, in seconds since 1970, or 0 if it has no
// expiry. An expired cookie never gives 0, even if it expired at 0.
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

// lookupProtected returns the first valid cookie of the name. It skips invalid
// ones: a subdomain can plant them, and must not be able to hide a valid cookie
// with one.
//
// A cookie is valid only in the spelling in which it was set. If other escapes for
// the same bytes were valid too, a client could get a cookie past a list of
// revoked ones.
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
