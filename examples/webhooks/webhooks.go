// Package webhooks verifies webhook signatures of Stripe, Slack, Shopify, GitHub and
// Standard Webhooks, which Svix and Resend use: copy the file of the sender that you
// need, and this one.
//
// Each function returns a value for bodyparser.Config.Verify, which gets the raw body
// before anything is parsed:
//
//	bodyparser.New(bodyparser.Config{
//		Verify: webhooks.Stripe(webhooks.Config{Secrets: []string{os.Getenv("STRIPE_WEBHOOK_SECRET")}}),
//	})
//
// A request that was not signed with one of the secrets gets 403, for Shopify 401: a
// missing, repeated or malformed header, another body, another secret, and, if the
// sender signs the time, a timestamp too far in the past or future. All digests are
// compared, in constant time, even after a match.
//
// A signature does not prevent a repeated delivery, by a sender that got no response
// or by an attacker within the tolerance. For work that must happen once, use the id
// of the event in the signed body as a key.
package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A Config configures verification for senders that sign the time.
type Config struct {
	// Secrets are the accepted secrets: one, or during a rotation the new and the old
	// one. At least one is required.
	Secrets []string

	// Tolerance is how far the signed time may be from now, before or after. 0 is 5
	// minutes, as in the libraries of the senders; negative is an error.
	Tolerance time.Duration

	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// withDefaults returns c with defaults. It panics with the name of the sender if c
// has no secret, or an empty one, such as from a missing environment variable.
func (c Config) withDefaults(sender string) Config {
	needSecrets(sender, c.Secrets)
	if c.Tolerance < 0 {
		panic("webhooks: " + sender + ": a negative tolerance")
	}
	if c.Tolerance == 0 {
		c.Tolerance = 5 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func needSecrets(sender string, secrets []string) {
	if len(secrets) == 0 {
		panic("webhooks: " + sender + ": no secret")
	}
	for i, s := range secrets {
		if s == "" {
			panic(fmt.Sprintf("webhooks: %s: secret %d is empty", sender, i))
		}
	}
}

// Errors of a signature, which are not sent to the client.
var (
	errHeader   = errors.New("the signature header is missing, repeated or malformed")
	errTime     = errors.New("the timestamp is outside of the tolerance")
	errMismatch = errors.New("no signature is that of the body")
)

// header returns the value of a header that was sent once.
func header(r *http.Request, name string) (string, error) {
	values := r.Header.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", errHeader
	}
	return values[0], nil
}

// fresh returns an error if the timestamp, in seconds since 1970, is too far from
// now. It must have only digits, as all senders write it.
func (c Config) fresh(timestamp string) error {
	seconds, err := strconv.ParseUint(timestamp, 10, 40) // some 34,000 years
	if err != nil {
		return errHeader
	}
	if c.Now().Sub(time.Unix(int64(seconds), 0)).Abs() > c.Tolerance {
		return errTime
	}
	return nil
}

// verify returns an error unless one of the signatures is the HMAC-SHA256 of the
// message with one of the keys. The message is in pieces, to avoid copying the body.
func verify(keys, signatures [][]byte, message ...[]byte) error {
	match := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		for _, piece := range message {
			mac.Write(piece)
		}
		want := mac.Sum(nil)
		for _, got := range signatures {
			if hmac.Equal(got, want) {
				match = true // go on, so that the time does not reveal which one
			}
		}
	}
	if !match {
		return errMismatch
	}
	return nil
}

// bytesOf returns secrets that are used as keys directly.
func bytesOf(secrets []string) [][]byte {
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		keys[i] = []byte(s)
	}
	return keys
}
