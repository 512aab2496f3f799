package bodyparser

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// VerifyHMAC returns a [Config.Verify] for webhooks signed with HMAC-SHA-256:
// the header holds the prefix and then the digest in hexadecimal, in either
// case. The digest may be that of any of the secrets, so that one can be
// replaced while the sender still uses the other. A missing, repeated or wrong
// header is refused with 403.
//
//	bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", secret) // GitHub
//
// The comparison takes constant time. VerifyHMAC panics without a header name
// or a secret: an empty secret, as from a missing environment variable, would
// accept every request.
func VerifyHMAC(header, prefix string, secrets ...[]byte) func(r *http.Request, body []byte) error {
	if header == "" {
		panic("bodyparser: VerifyHMAC needs the name of a header")
	}
	if len(secrets) == 0 {
		panic("bodyparser: VerifyHMAC needs a secret")
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		if len(secret) == 0 {
			panic("bodyparser: VerifyHMAC was given an empty secret")
		}
		keys[i] = slices.Clone(secret)
	}
	return func(r *http.Request, body []byte) error {
		values := r.Header.Values(header)
		if len(values) != 1 {
			return verifyError(errSignature)
		}
		digits, ok := strings.CutPrefix(values[0], prefix)
		if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
			return verifyError(errSignature)
		}
		got, err := hex.DecodeString(digits)
		if err != nil {
			return verifyError(errSignature)
		}
		match := false
		for _, key := range keys {
			mac := hmac.New(sha256.New, key)
			mac.Write(body)
			if hmac.Equal(got, mac.Sum(nil)) {
				match = true // and go on: constant time, whichever secret it was
			}
		}
		if !match {
			return verifyError(errSignature)
		}
		return nil
	}
}

var errSignature = errors.New("signature is missing or wrong")

// verify calls Config.Verify with the body.
func (p *parser) verify(r *http.Request, b *Body) error {
	if p.Verify == nil {
		return nil
	}
	return verifyError(p.Verify(r, b.raw))
}

// verifyError returns err with a status: its own, or 403.
func verifyError(err error) error {
	var status interface{ StatusCode() int }
	if err == nil || errors.As(err, &status) {
		return err
	}
	return refuse(http.StatusForbidden, "Verification failed", err)
}
