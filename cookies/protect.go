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

// longestLife is the life at which browsers cap a cookie, in seconds.
const longestLife = 400 * 24 * 60 * 60

// expiryOf returns when the cookie ends, in seconds since 1970, or 0 if it has no
// expiry. One that has ended already, at 0 even, is no cookie without expiry.
func expiryOf(c *http.Cookie) int64 {
	switch {
	case c.MaxAge != 0:
		return max(1, time.Now().Unix()+min(int64(c.MaxAge), longestLife))
	case !c.Expires.IsZero():
		return max(1, c.Expires.Unix())
	}
	return 0
}

// lookupProtected returns the first cookie of the name that holds. The ones that
// do not are passed over: a subdomain can plant them, and must not be able to hide
// a good one with a bad one.
func lookupProtected(r *http.Request, name string, p protector) (string, bool) {
	for text := range values(r, name) {
		value, expiry, ok := p.open(name, text)
		if ok && (expiry == 0 || time.Now().Unix() < expiry) {
			return value, true
		}
	}
	return "", false
}
