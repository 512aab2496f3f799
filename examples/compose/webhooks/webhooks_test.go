package webhooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v74/github"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/apiece/apiece/examples/webhooks"
)

const (
	secret = "whsec_bXkgc2VjcmV0IGlzIHRoaXMgb25l" // of Standard Webhooks; to the others it is text
	other  = "whsec_bm90IG15IHNlY3JldCBhdCBhbGwh"
	body   = `{"id":"evt_1","object":"event","amount":9007199254740993,"note":"é"}`
)

// A library is the library of a sender: how it signs and verifies a delivery.
type library struct {
	name string
	ours func(*http.Request, []byte) error
	sign func(at time.Time, body, secret string) http.Header
	says func(h http.Header, body []byte) error
	same func(change string) bool // nil if the two agree about everything
}

func hexOf(secret, message string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, message)
	return hex.EncodeToString(mac.Sum(nil))
}

func config() webhooks.Config { return webhooks.Config{Secrets: []string{secret}} }

func libraries(t *testing.T) []library {
	standard, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return []library{
		{
			name: "stripe-go",
			ours: webhooks.Stripe(config()),
			sign: func(at time.Time, body, secret string) http.Header {
				signed := webhook.GenerateTestSignedPayload(&webhook.UnsignedPayload{Payload: []byte(body), Secret: secret, Timestamp: at})
				return http.Header{"Stripe-Signature": {signed.Header}}
			},
			says: func(h http.Header, body []byte) error {
				return webhook.ValidatePayload(body, h.Get("Stripe-Signature"), secret)
			},
			// It accepts any time in the future.
			same: func(change string) bool { return change != "signed in ten minutes" },
		},
		{
			name: "slack-go",
			ours: webhooks.Slack(config()),
			sign: func(at time.Time, body, secret string) http.Header {
				// The library has no function for it; this follows Slack's documentation.
				return http.Header{
					"X-Slack-Request-Timestamp": {fmt.Sprint(at.Unix())},
					"X-Slack-Signature":         {"v0=" + hexOf(secret, fmt.Sprintf("v0:%d:%s", at.Unix(), body))},
				}
			},
			says: func(h http.Header, body []byte) error {
				v, err := slack.NewSecretsVerifier(h, secret)
				if err != nil {
					return err
				}
				if _, err := v.Write(body); err != nil {
					return err
				}
				return v.Ensure()
			},
		},
		{
			name: "standard-webhooks",
			ours: webhooks.StandardWebhooks(config()),
			sign: func(at time.Time, body, secret string) http.Header {
				wh, err := standardwebhooks.NewWebhook(secret)
				if err != nil {
					t.Fatal(err)
				}
				signature, err := wh.Sign("msg_1", at, []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				h := http.Header{}
				h.Set("Webhook-Id", "msg_1")
				h.Set("Webhook-Timestamp", fmt.Sprint(at.Unix()))
				h.Set("Webhook-Signature", signature)
				return h
			},
			says: func(h http.Header, body []byte) error { return standard.Verify(body, h) },
		},
		{
			name: "go-github",
			ours: webhooks.GitHub(secret),
			sign: func(_ time.Time, body, secret string) http.Header {
				return http.Header{"X-Hub-Signature-256": {"sha256=" + hexOf(secret, body)}}
			},
			says: func(h http.Header, body []byte) error {
				return github.ValidateSignature(h.Get("X-Hub-Signature-256"), body, []byte(secret))
			},
		},
	}
}

// TestVerifyLikeLibraries: our functions accept and reject the same deliveries as the
// library of the sender.
func TestVerifyLikeLibraries(t *testing.T) {
	now := time.Now()
	for _, lib := range libraries(t) {
		good := lib.sign(now, body, secret)
		type delivery struct {
			why  string
			h    http.Header
			body string
		}
		deliveries := []delivery{
			{"good", good, body},
			{"good and empty", lib.sign(now, "", secret), ""},
			{"a minute old", lib.sign(now.Add(-time.Minute), body, secret), body},
			{"an hour old", lib.sign(now.Add(-time.Hour), body, secret), body},
			{"signed in ten minutes", lib.sign(now.Add(10*time.Minute), body, secret), body},
			{"by another secret", lib.sign(now, body, other), body},
			{"changed", good, strings.Replace(body, "evt_1", "evt_2", 1)},
			{"longer", good, body + "\n"},
			{"empty", good, ""},
			{"unsigned", http.Header{}, body},
		}
		for name, values := range good {
			v := values[0]
			for why, value := range map[string]string{
				"empty":         "",
				"cut":           v[:len(v)/2],
				"longer":        v + "0",
				"nonsense":      "=,=;==",
				"a letter more": "x" + v,
			} {
				h := good.Clone()
				h.Set(name, value)
				deliveries = append(deliveries, delivery{name + " " + why, h, body})
			}
			h := good.Clone()
			h.Del(name)
			deliveries = append(deliveries, delivery{name + " missing", h, body})
		}
		taken := 0
		for _, d := range deliveries {
			r := httptest.NewRequest("POST", "/", nil)
			r.Header = d.h
			theirs, ours := lib.says(d.h, []byte(d.body)), lib.ours(r, []byte(d.body))
			if (theirs == nil) != (ours == nil) && (lib.same == nil || lib.same(d.why)) {
				t.Errorf("%s: %s: the library says %v, we say %v", lib.name, d.why, theirs, ours)
			}
			if ours == nil {
				taken++
			}
		}
		if taken < 3 || taken > len(deliveries)/2 {
			t.Errorf("%s: %d of %d deliveries are taken", lib.name, taken, len(deliveries))
		}
	}
}

// TestVerifyRotatedSecret: the sender signs with two secrets, of which we have one.
func TestVerifyRotatedSecret(t *testing.T) {
	now := time.Now()
	libs := libraries(t)
	join := map[string]func(a, b http.Header) (string, string){
		"stripe-go": func(a, b http.Header) (string, string) {
			_, v1, _ := strings.Cut(b.Get("Stripe-Signature"), ",")
			return "Stripe-Signature", a.Get("Stripe-Signature") + "," + v1
		},
		"standard-webhooks": func(a, b http.Header) (string, string) {
			return "Webhook-Signature", a.Get("Webhook-Signature") + " " + b.Get("Webhook-Signature")
		},
	}
	for name, join := range join {
		lib := libs[slices.IndexFunc(libs, func(l library) bool { return l.name == name })]
		mine, others := lib.sign(now, body, secret), lib.sign(now, body, other)
		for _, pair := range [][2]http.Header{{mine, others}, {others, mine}} {
			header, value := join(pair[0], pair[1])
			r := httptest.NewRequest("POST", "/", nil)
			r.Header = pair[0].Clone()
			r.Header.Set(header, value)
			if theirs, ours := lib.says(r.Header, []byte(body)), lib.ours(r, []byte(body)); theirs != nil || ours != nil {
				t.Errorf("%s: the library says %v, we say %v", name, theirs, ours)
			}
		}
	}
}

// TestVerifyPublishedVector: the example of the Standard Webhooks specification.
func TestVerifyPublishedVector(t *testing.T) {
	const published = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verify := webhooks.StandardWebhooks(webhooks.Config{
		Secrets: []string{published},
		Now:     func() time.Time { return time.Unix(1_614_265_330, 0) },
	})
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Webhook-Id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	r.Header.Set("Webhook-Timestamp", "1614265330")
	r.Header.Set("Webhook-Signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if err := verify(r, []byte(`{"test": 2432232314}`)); err != nil {
		t.Error(err)
	}
}
