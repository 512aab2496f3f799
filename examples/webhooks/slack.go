package webhooks

import (
	"encoding/hex"
	"net/http"
	"strings"
)

// Slack verifies the X-Slack-Signature header, "v0=a2114d57...", of Slack's events,
// slash commands and interactions, with the app's signing secrets. The signed text is
// "v0:timestamp:body", with X-Slack-Request-Timestamp. Failures get 403.
//
// slack-go: slack.NewSecretsVerifier. Its slack.SlashCommandParse and
// slackevents.ParseEvent read the request in the handler as usual.
func Slack(c Config) func(*http.Request, []byte) error {
	c = c.withDefaults("Slack")
	keys := bytesOf(c.Secrets)
	return func(r *http.Request, body []byte) error {
		timestamp, err := header(r, "X-Slack-Request-Timestamp")
		if err != nil {
			return err
		}
		value, err := header(r, "X-Slack-Signature")
		if err != nil {
			return err
		}
		digits, ok := strings.CutPrefix(value, "v0=")
		if !ok {
			return errHeader
		}
		signature, err := hex.DecodeString(digits)
		if err != nil {
			return errHeader
		}
		if err := c.fresh(timestamp); err != nil {
			return err
		}
		return verify(keys, [][]byte{signature}, []byte("v0:"), []byte(timestamp), []byte(":"), body)
	}
}
