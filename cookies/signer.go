package cookies

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// A Signer sets cookies that a client can read but not change, move to another
// name or keep beyond their expiry: an HMAC-SHA-256 over all three follows the
// value. It returns only values that it has signed.
//
// A signature does not prevent a client from sending an old cookie again.
// Sessions, which must also end on the server, belong in a session store such as
// github.com/alexedwards/scs.
//
// A Signer is safe for concurrent use. Next.js has none; in Express it is the
// secret of cookie-parser.
type Signer struct{ keys [][]byte }

// NewSigner returns a Signer that signs with the first key and accepts
// signatures of all. To replace a key, put the new one in front and remove the
// old one when the cookies signed with it have expired. NewSigner panics if
// there is no key or one is shorter than 32 bytes.
func NewSigner(keys ...[]byte) *Signer { return &Signer{copyKeys(keys)} }

// Set is [Set] with the value signed. If c has a MaxAge or Expires, the signature
// expires with it; otherwise it lasts as long as the key. The signature takes
// about 55 of the 4096 octets that a cookie may have.
func (s *Signer) Set(w http.ResponseWriter, c *http.Cookie) error {
	return setProtected(w, c, s)
}

// Lookup returns the value of the first cookie with the name and a valid
// signature. It ignores one that was changed, was signed with a removed key, or
// has expired, and one with other escapes for the same text.
func (s *Signer) Lookup(r *http.Request, name string) (string, bool) {
	return lookupProtected(r, name, s)
}

// protect returns value.expiry.signature; an expiry of 0 is empty.
func (s *Signer) protect(name, value string, expiry int64) string {
	text := value + "."
	if expiry != 0 {
		text += strconv.FormatInt(expiry, 10)
	}
	return text + "." + sign(s.keys[0], name, text)
}

func (s *Signer) open(name, text string) (value string, expiry int64, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return "", 0, false
	}
	text, signature := text[:i], text[i+1:]
	for _, key := range s.keys {
		if hmac.Equal([]byte(signature), []byte(sign(key, name, text))) {
			ok = true
			break
		}
	}
	i = strings.LastIndexByte(text, '.')
	if !ok || i < 0 {
		return "", 0, false
	}
	if digits := text[i+1:]; digits != "" {
		var err error
		if expiry, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return "", 0, false
		}
	}
	return text[:i], expiry, true
}

// sign returns the signature of text under the name. A name is a token, which
// cannot hold the NUL between the two.
func sign(key []byte, name, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("apiece signed cookie\x00" + name + "\x00" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
