package webhooks

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// StandardWebhooks verifies the headers of the Standard Webhooks specification,
//
//	webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek
//	webhook-timestamp: 1614265330
//	webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,...
//
// with its signing secrets, "whsec_" and base64. The signed text is
// "id.timestamp.body". Several signatures, separated by spaces, are for several
// secrets; versions other than v1 are ignored. Failures get 403.
//
// standard-webhooks: Webhook.Verify.
func StandardWebhooks(c Config) func(*http.Request, []byte) error {
	return standard("StandardWebhooks", "webhook-", c)
}

// Svix is [StandardWebhooks] with Svix's own header names: svix-id, svix-timestamp
// and svix-signature. Clerk and Resend send them.
func Svix(c Config) func(*http.Request, []byte) error {
	return standard("Svix", "svix-", c)
}

func standard(sender, prefix string, c Config) func(*http.Request, []byte) error {
	c = c.withDefaults(sender)
	keys := make([][]byte, len(c.Secrets))
	for i, s := range c.Secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
		if err != nil || len(key) == 0 {
			panic(fmt.Sprintf("webhooks: %s: secret %d is not whsec_ and base64", sender, i))
		}
		keys[i] = key
	}
	return func(r *http.Request, body []byte) error {
		var fields [3]string
		for i, name := range []string{"id", "timestamp", "signature"} {
			value, err := header(r, prefix+name)
			if err != nil {
				return err
			}
			fields[i] = value
		}
		id, timestamp := fields[0], fields[1]
		signatures := parseStandard(fields[2])
		if signatures == nil {
			return errHeader
		}
		if err := c.fresh(timestamp); err != nil {
			return err
		}
		return verify(keys, signatures, []byte(id), []byte("."), []byte(timestamp), []byte("."), body)
	}
}

// parseStandard reads the signatures of version 1.
func parseStandard(value string) (signatures [][]byte) {
	for item := range strings.SplitSeq(value, " ") {
		text, ok := strings.CutPrefix(item, "v1,")
		if !ok {
			continue
		}
		if signature, ok := decode(text); ok {
			signatures = append(signatures, signature)
		}
	}
	return signatures
}

// decode decodes a base64 signature strictly: package base64 ignores line ends and unused bits.
func decode(text string) (signature []byte, ok bool) {
	signature, err := base64.StdEncoding.DecodeString(text)
	return signature, err == nil && base64.StdEncoding.EncodeToString(signature) == text
}
