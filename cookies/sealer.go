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

// A Sealer is a [Signer] whose cookies the client cannot read either: value and
// expiry are encrypted with AES-256-GCM, and bound to the name. A client can
// still send a sealed cookie again until it expires, and its length is visible.
//
// One key may seal four billion cookies. A Sealer is safe for concurrent use.
type Sealer struct{ aeads []cipher.AEAD }

// NewSealer returns a Sealer that seals with the first key and opens with all;
// replace keys as with a Signer. It panics if there is no key or one is shorter
// than 32 bytes.
func NewSealer(keys ...[]byte) *Sealer {
	return newSealer("apiece sealed cookie", copyKeys(keys))
}

// newSealer derives the keys for a purpose, so that a cookie sealed for one
// purpose does not open for another, even with the same configured keys.
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

// Set is [Set] with the value sealed. If c has a MaxAge or Expires, the seal
// expires with it; otherwise it lasts as long as the key. A value of 3000 bytes
// fills the 4096 octets that a cookie may have.
func (s *Sealer) Set(w http.ResponseWriter, c *http.Cookie) error {
	return setProtected(w, c, s)
}

// Lookup returns the value of the first cookie with the name that opens. It
// ignores one that was changed, was sealed with a removed key, or has expired,
// and another spelling of the same bytes.
func (s *Sealer) Lookup(r *http.Request, name string) (string, bool) {
	return lookupProtected(r, name, s)
}

// sealedLen returns the sealed length of a value of n bytes: with 8 bytes of expiry,
// 12 of nonce and 16 of tag, in base64.
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
		// The decoder ignores line ends, and the bits of the last character
		// that are not part of a byte.
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
