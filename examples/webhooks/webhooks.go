// Package webhooks verifies the webhooks of Stripe, Slack, Shopify and GitHub, and
// those that are signed by Standard Webhooks, as Svix and Resend do: copy the file
// of the sender that you need, and this one.
//
// Each function returns a value for bodyparser.Config.Verify, which gets the
// bytes of the body as they were sent, before anything is parsed:
//
//	bodyparser.New(bodyparser.Config{
//		Verify: webhooks.Stripe(webhooks.Config{Secrets: []string{os.Getenv("STRIPE_WEBHOOK_SECRET")}}),
//	})
//
// A request that was not signed with one of the secrets is refused with 403, that
// of Shopify with 401: a header that is missing, sent twice or malformed, another
// body, another secret, and, where the sender signs the time, a timestamp that
// is too old or too far ahead. Digests are compared in constant time, and all of
// them, whether one has matched or not.
//
// A signature does not keep a delivery from being sent again, by the sender that
// had no answer or by a third party within the tolerance. What must happen once
// is keyed by the id of the event in the body, which is signed.
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

// A Config says whose signatures are good, for senders that sign the time as
// well.
type Config struct {
	// Secrets are those that the sender may sign with: one, or for as long as a
	// secret is being replaced the new and the old one. At least one is needed.
	Secrets []string

	// Tolerance is how far the signed time may be from now, before or after. 0 is
	// 5 minutes, as the libraries of the senders have it; a negative one is an
	// error.
	Tolerance time.Duration

	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// withDefaults returns c ready to use. It panics for the sender if c has no
// secret, or an empty one, as a missing environment variable leaves it.
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

// What is wrong with a signature. The client is told of none of it.
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

// fresh returns an error if the timestamp, in seconds since 1970, is too far
// from now. It is digits alone, as every sender writes it.
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

// verify returns an error unless one of the signatures is the HMAC-SHA256 of
// the message by one of the keys. The message is in pieces, so that no body is
// copied.
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
				match = true // and go on, so that the time tells nothing about which
			}
		}
	}
	if !match {
		return errMismatch
	}
	return nil
}

// bytesOf returns secrets that are keys as they are.
func bytesOf(secrets []string) [][]byte {
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		keys[i] = []byte(s)
	}
	return keys
}
