package cookies

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
)

// A Sealer is a [Signer] whose cookies cannot be read by the client either: the
// value and its expiry are encrypted with AES-256-GCM, and bound to the name.
// What is sealed can still be sent again until it expires, and its length shows.
//
// One key may seal four thousand million cookies. A Sealer is safe for concurrent
// use.
type Sealer struct{ aeads []cipher.AEAD }

// NewSealer returns a Sealer that seals with the first key and opens with all, so
// that keys are replaced as those of a Signer. It panics if there is no key or one
// is shorter than 32 bytes.
func NewSealer(keys ...[]byte) *Sealer {
	return newSealer("apiece sealed cookie", copyKeys(keys))
}

// newSealer derives the keys for a purpose, so that what is sealed for one does
// not open for another although the same keys were configured.
func newSealer(purpose string, keys [][]byte) *Sealer {
	s := new(Sealer)
	for _, key := range keys {
		s.aeads = append(s.aeads, newAEAD(purpose, key))
	}
	return s
}

func newAEAD(purpose string, key []byte) cipher.AEAD {
	derived, err := hkdf.Key(sha256.New, key, nil, purpose, 32)
	if err != nil {
		panic(err) // only for more than 8160 bytes
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		panic(err) // only for a length other than 16, 24 or 32
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a block that is not of AES
	}
	return aead
}

// Set is [Set] with the value sealed. If c has a MaxAge or Expires, the seal ends
// with it; without them it lasts as long as the key. 3000 bytes of value fill the
// 4096 octets that a cookie may have.
func (s *Sealer) Set(w http.ResponseWriter, c *http.Cookie) error {
	return setProtected(w, c, s)
}

// Lookup returns the value of the first cookie with the name that opens. One that
// was changed, was sealed with a key that is gone, or has expired is as good
// as absent, and so is another spelling of the same bytes.
func (s *Sealer) Lookup(r *http.Request, name string) (string, bool) {
	return lookupProtected(r, name, s)
}

// sealedLen returns the length of a value of n bytes once it is sealed: with 8 bytes
// of expiry, 12 of nonce and 16 of tag, in base64.
func sealedLen(n int) int { return base64.RawURLEncoding.EncodedLen(n + 8 + 12 + 16) }

// protect returns the base64 of nonce, encrypted expiry and value, and tag.
func (s *Sealer) protect(name, value string, expiry int64) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(expiry))
	plain = append(plain, value...)
	return base64.RawURLEncoding.EncodeToString(s.aeads[0].Seal(nil, nil, plain, []byte(name)))
}

func (s *Sealer) open(name, text string) (value string, expiry int64, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(sealed) != text {
		// The decoder passes over line ends, and over the bits of the last
		// character that no byte has room for.
		return "", 0, false
	}
	for _, aead := range s.aeads {
		plain, err := aead.Open(nil, nil, sealed, []byte(name))
		if err == nil && len(plain) >= 8 {
			return string(plain[8:]), int64(binary.BigEndian.Uint64(plain)), true
		}
	}
	return "", 0, false
}
