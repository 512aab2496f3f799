package webhooks

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Stripe verifies the Stripe-Signature header of Stripe's events,
//
//	t=1492774577,v1=5257a869...,v0=6ffbb59b...
//
// with the endpoint's signing secrets, "whsec_..." as in the Dashboard. While a
// secret is rolled, Stripe sends one v1 for each; signatures of other schemes are
// ignored. The signed text is "t.body", which includes the time. Failures get 403.
//
// stripe-go: webhook.ConstructEvent, which accepts any time in the future. Decode the
// event from the body afterwards, or with ConstructEvent in the handler.
func Stripe(c Config) func(*http.Request, []byte) error {
	c = c.withDefaults("Stripe")
	keys := bytesOf(c.Secrets)
	return func(r *http.Request, body []byte) error {
		value, err := header(r, "Stripe-Signature")
		if err != nil {
			return err
		}
		timestamp, signatures, err := parseStripe(value)
		if err != nil {
			return err
		}
		if err := c.fresh(timestamp); err != nil {
			return err
		}
		return verify(keys, signatures, []byte(timestamp), []byte("."), body)
	}
}

// parseStripe parses a Stripe-Signature. It needs a timestamp, and a v1 that is a digest.
func parseStripe(value string) (timestamp string, signatures [][]byte, err error) {
	for item := range strings.SplitSeq(value, ",") {
		scheme, text, ok := strings.Cut(item, "=")
		switch {
		case !ok, scheme == "t" && timestamp != "":
			return "", nil, errHeader
		case scheme == "t":
			timestamp = text
		case scheme == "v1":
			if signature, err := hex.DecodeString(text); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	if timestamp == "" || signatures == nil {
		return "", nil, errHeader
	}
	return timestamp, signatures, nil
}
