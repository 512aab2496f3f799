package webhooks

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser"
)

// GitHub verifies the X-Hub-Signature-256 header, "sha256=" and the digest of
// the body in hexadecimal, by the secrets of the webhook. It is what the kit has
// for every sender with a digest in hexadecimal. Refused with 403.
//
// GitHub signs neither the time nor X-GitHub-Event and X-GitHub-Delivery: the
// recipe examples/compose/webhook shows what to do about deliveries that come
// again.
//
// go-github: github.ValidatePayload.
func GitHub(secrets ...string) func(*http.Request, []byte) error {
	needSecrets("GitHub", secrets)
	return bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", bytesOf(secrets)...)
}
