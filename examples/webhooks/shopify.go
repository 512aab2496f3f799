package webhooks

import (
	"net/http"

	"github.com/apiece/apiece/reply"
)

// Shopify verifies the X-Shopify-Hmac-Sha256 header, the digest of the body in
// base64, by the app's client secrets. The review of an app asks for the answer
// 401 to what is not signed, so that is the status here.
//
// Shopify does not sign the time: a delivery that was seen can be sent again at
// any time. Nor are the other headers signed, X-Shopify-Topic and
// X-Shopify-Shop-Domain among them: give each topic a path of its own.
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
