package webhooks

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser"
)

// GitHub verifies the X-Hub-Signature-256 header, "sha256=" and the hexadecimal
// digest of the body, with the secrets of the webhook. It uses bodyparser.VerifyHMAC,
// which fits every sender of a hexadecimal digest. Failures get 403.
//
// GitHub signs neither the time nor X-GitHub-Event and X-GitHub-Delivery: the recipe
// examples/compose/webhook handles repeated deliveries.
//
// go-github: github.ValidatePayload.
func GitHub(secrets ...string) func(*http.Request, []byte) error {
	needSecrets("GitHub", secrets)
	return bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", bytesOf(secrets)...)
}
