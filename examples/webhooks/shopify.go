package webhooks

import (
	"net/http"

	"github.com/apiece/apiece/reply"
)

// Shopify verifies the X-Shopify-Hmac-Sha256 header, the base64 digest of the body,
// with the app's client secrets. Failures get 401, as Shopify's app review requires.
//
// Shopify does not sign the time: a delivery can be replayed at any time. Other
// headers, such as X-Shopify-Topic and X-Shopify-Shop-Domain, are not signed either:
// give each topic its own path.
//
// Shopify's libraries: webhooks.validate (JavaScript), App.VerifyWebhookRequest
// (Go).
func Shopify(clientSecrets ...string) func(*http.Request, []byte) error {
	needSecrets("Shopify", clientSecrets)
	keys := bytesOf(clientSecrets)
	return func(r *http.Request, body []byte) error {
		value, err := header(r, "X-Shopify-Hmac-Sha256")
		if err == nil {
			signature, ok := decode(value)
			if err = errHeader; ok {
				err = verify(keys, [][]byte{signature}, body)
			}
		}
		if err != nil {
			return reply.NewError(http.StatusUnauthorized, "Verification failed").WithCause(err)
		}
		return nil
	}
}
