package service

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/reply"
)

// webhookSecret belongs in the environment. The demo has it here and on the page, so
// that the page can sign a delivery.
const webhookSecret = "it is a demo"

var verify = bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", []byte(webhookSecret))

// webhook accepts deliveries that are signed like those of GitHub.
func webhook(w http.ResponseWriter, r *http.Request) error {
	body, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: 25 * bytesize.MB, Verify: verify})
	if err != nil {
		return err
	}
	var delivery struct {
		Action string `json:"action"`
	}
	if err := body.Decode(&delivery); err != nil {
		return err
	}
	return reply.JSON(w, r, http.StatusOK, map[string]any{"action": delivery.Action, "bytes": len(body.Bytes())})
}
