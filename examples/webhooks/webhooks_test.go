package webhooks_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/webhooks"
)

// digest is the HMAC-SHA256 of a message.
func digest(secret, message string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, message)
	return mac.Sum(nil)
}

func hexOf(secret, message string) string { return hex.EncodeToString(digest(secret, message)) }

func base64Of(secret, message string) string {
	return base64.StdEncoding.EncodeToString(digest(secret, message))
}

const (
	now  = 1_700_000_000 // seconds since 1970, for all clocks here
	body = `{"id":"evt_1","amount":9007199254740993,"note":"é"}`
)

func clock() time.Time { return time.Unix(now, 0) }

func config(secrets ...string) webhooks.Config {
	return webhooks.Config{Secrets: secrets, Now: clock}
}

// whsec is a secret as Standard Webhooks writes it.
func whsec(key string) string { return "whsec_" + base64.StdEncoding.EncodeToString([]byte(key)) }

// A sender describes one for the tests: how it signs, in headers, with one secret or several.
type sender struct {
	name    string
	verify  func(secrets ...string) func(*http.Request, []byte) error
	sign    func(at int64, body string, secrets ...string) http.Header
	refused int
	timed   bool // the time is signed
	several bool // a delivery may have several signatures
}

var senders = []sender{
	{
		name:   "Stripe",
		verify: func(secrets ...string) func(*http.Request, []byte) error { return webhooks.Stripe(config(secrets...)) },
		sign: func(at int64, body string, secrets ...string) http.Header {
			value := fmt.Sprintf("t=%d", at)
			for _, s := range secrets {
				value += ",v1=" + hexOf(s, fmt.Sprintf("%d.%s", at, body))
			}
			return http.Header{"Stripe-Signature": {value + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"}}
		},
		refused: 403, timed: true, several: true,
	},
	{
		name:   "Slack",
		verify: func(secrets ...string) func(*http.Request, []byte) error { return webhooks.Slack(config(secrets...)) },
		sign: func(at int64, body string, secrets ...string) http.Header {
			return http.Header{
				"X-Slack-Request-Timestamp": {fmt.Sprint(at)},
				"X-Slack-Signature":         {"v0=" + hexOf(secrets[0], fmt.Sprintf("v0:%d:%s", at, body))},
			}
		},
		refused: 403, timed: true,
	},
	{
		name:   "Shopify",
		verify: webhooks.Shopify,
		sign: func(_ int64, body string, secrets ...string) http.Header {
			return http.Header{"X-Shopify-Hmac-Sha256": {base64Of(secrets[0], body)}}
		},
		refused: 401,
	},
	{
		name:   "GitHub",
		verify: webhooks.GitHub,
		sign: func(_ int64, body string, secrets ...string) http.Header {
			return http.Header{"X-Hub-Signature-256": {"sha256=" + hexOf(secrets[0], body)}}
		},
		refused: 403,
	},
	standard("StandardWebhooks", "Webhook-", webhooks.StandardWebhooks),
	standard("Svix", "Svix-", webhooks.Svix),
}

func standard(name, prefix string, verify func(webhooks.Config) func(*http.Request, []byte) error) sender {
	return sender{
		name: name,
		verify: func(secrets ...string) func(*http.Request, []byte) error {
			for i, s := range secrets {
				secrets[i] = whsec(s)
			}
			return verify(config(secrets...))
		},
		sign: func(at int64, body string, secrets ...string) http.Header {
			values := []string{"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="}
			for _, s := range secrets {
				values = append(values, "v1,"+base64Of(s, fmt.Sprintf("msg_1.%d.%s", at, body)))
			}
			return http.Header{
				prefix + "Id":        {"msg_1"},
				prefix + "Timestamp": {fmt.Sprint(at)},
				prefix + "Signature": {strings.Join(values, " ")},
			}
		},
		refused: 403, timed: true, several: true,
	}
}

// deliver sends a delivery through the parser, and returns the status.
func deliver(t *testing.T, verify func(*http.Request, []byte) error, h http.Header, body string) int {
	t.Helper()
	handler := bodyparser.New(bodyparser.Config{Verify: verify})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, ok := bodyparser.From(r); !ok || !bytes.Equal(got.Bytes(), []byte(body)) {
			t.Errorf("the handler has another body than was signed")
		}
	}))
	r := httptest.NewRequest("POST", "/webhook", strings.NewReader(body))
	r.Header = h.Clone()
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code != 200 {
		if text := w.Body.String(); !strings.Contains(text, "Verification failed") || strings.Contains(text, "timestamp") || strings.Contains(text, "signature") {
			t.Errorf("the answer to what is refused: %s", text)
		}
	}
	return w.Code
}

// with returns headers with one changed.
func with(h http.Header, change func(string) []string) (all []http.Header) {
	for name, values := range h {
		c := h.Clone()
		if c[name] = change(values[0]); c[name] == nil {
			delete(c, name)
		}
		all = append(all, c)
	}
	return all
}

func TestVerify(t *testing.T) {
	for _, s := range senders {
		good := s.sign(now, body, "new")
		type test struct {
			why    string
			header http.Header
			body   string
			status int
		}
		tests := []test{
			{"good", good, body, 200},
			{"good, without a body", s.sign(now, "", "new"), "", 200},
			{"by the old secret", s.sign(now, body, "old"), body, 200},
			{"by another secret", s.sign(now, body, "guess"), body, s.refused},
			{"changed", good, strings.Replace(body, "9", "1", 1), s.refused},
			{"longer", good, body + " ", s.refused},
			{"shorter", good, body[:len(body)-1], s.refused},
			{"empty", good, "", s.refused},
			{"unsigned", http.Header{}, body, s.refused},
		}
		if s.several {
			tests = append(tests,
				test{"by both secrets", s.sign(now, body, "new", "old"), body, 200},
				test{"by another and the old", s.sign(now, body, "guess", "old"), body, 200},
				test{"by the new and another", s.sign(now, body, "new", "guess"), body, 200},
				test{"by two others", s.sign(now, body, "guess", "guess again"), body, s.refused})
		}
		if s.timed {
			for _, at := range []struct {
				seconds int64
				ok      bool
			}{{-300, true}, {-301, false}, {300, true}, {301, false}, {-3600, false}, {-now, false}} {
				status := s.refused
				if at.ok {
					status = 200
				}
				tests = append(tests, test{fmt.Sprintf("signed at %+d s", at.seconds), s.sign(now+at.seconds, body, "new"), body, status})
			}
			// The time of another delivery does not make an old one fresh.
			for name, values := range s.sign(now-3600, body, "new") {
				h := s.sign(now, body, "new")
				if h.Get(name) == values[0] {
					continue
				}
				h[name] = values
				tests = append(tests, test{"with the " + name + " of an hour ago", h, body, s.refused})
			}
		}
		for why, change := range map[string]func(string) []string{
			"missing":             func(string) []string { return nil },
			"empty":               func(string) []string { return []string{""} },
			"repeated":            func(v string) []string { return []string{v, v} },
			"after another value": func(v string) []string { return []string{"x", v} },
			"without end":         func(v string) []string { return []string{v[:len(v)/2]} },
			"in quotes":           func(v string) []string { return []string{`"` + v + `"`} },
			"nonsense":            func(string) []string { return []string{"t=,v1=,v0=;sha256=v1,=="} },
		} {
			for _, h := range with(good, change) {
				tests = append(tests, test{why, h, body, s.refused})
			}
		}
		for _, test := range tests {
			if got := deliver(t, s.verify("new", "old"), test.header, test.body); got != test.status {
				t.Errorf("%s: %s: %d, want %d (%v)", s.name, test.why, got, test.status, test.header)
			}
		}
		// One secret alone, when the other has been dropped.
		if got := deliver(t, s.verify("new"), s.sign(now, body, "old"), body); got != s.refused {
			t.Errorf("%s: the dropped secret: %d", s.name, got)
		}
	}
}

// TestStripeHeader has spellings of the one header with a syntax of its own.
func TestStripeHeader(t *testing.T) {
	v1 := hexOf("s", fmt.Sprintf("%d.%s", now, body))
	for value, ok := range map[string]bool{
		fmt.Sprintf("t=%d,v1=%s", now, v1):                                true,
		fmt.Sprintf("v1=%s,t=%d", v1, now):                                true,
		fmt.Sprintf("v0=x,t=%d,v1=zz,v1=%s,v2=1=2", now, v1):              true, // an invalid digest is ignored
		fmt.Sprintf("t=%d,v1=%s", now, strings.ToUpper(v1)):               true,
		fmt.Sprintf("t=%d,v0=%s", now, v1):                                false, // a test's scheme
		fmt.Sprintf("t=%d,t=%d,v1=%s", now, now, v1):                      false,
		fmt.Sprintf("t=+%d,v1=%s", now, v1):                               false,
		fmt.Sprintf("t= %d,v1=%s", now, v1):                               false,
		fmt.Sprintf("t=%d.0,v1=%s", now, v1):                              false,
		fmt.Sprintf("t=99999999999999999999,v1=%s", v1):                   false,
		fmt.Sprintf("t=-1,v1=%s", v1):                                     false,
		fmt.Sprintf("t=%d, v1=%s", now, v1):                               false,
		fmt.Sprintf("t=%d,v1=%s,", now, v1):                               false,
		fmt.Sprintf("t=%d;v1=%s", now, v1):                                false,
		fmt.Sprintf("t=%d,v1=%s", now, v1[:62]):                           false,
		fmt.Sprintf("t=%d", now):                                          false,
		"v1=" + v1:                                                        false,
		fmt.Sprintf("t=%d,v1=%s", now-1, v1):                              false,
		fmt.Sprintf("t=%d,%sv1=%s", now, strings.Repeat("v1=00,", 9), v1): true,
	} {
		status := 403
		if ok {
			status = 200
		}
		if got := deliver(t, webhooks.Stripe(config("s")), http.Header{"Stripe-Signature": {value}}, body); got != status {
			t.Errorf("%s: %d, want %d", value, got, status)
		}
	}
}

func TestVerifyTolerance(t *testing.T) {
	for _, s := range []struct {
		name   string
		verify func(webhooks.Config) func(*http.Request, []byte) error
		secret string
		sign   sender
	}{{"Stripe", webhooks.Stripe, "s", senders[0]}, {"Slack", webhooks.Slack, "s", senders[1]}, {"Svix", webhooks.Svix, whsec("s"), senders[5]}} {
		c := config(s.secret)
		c.Tolerance = time.Second
		for at, want := range map[int64]int{now: 200, now - 1: 200, now - 2: 403} {
			if got := deliver(t, s.verify(c), s.sign.sign(at, body, "s"), body); got != want {
				t.Errorf("%s: signed at %d: %d, want %d", s.name, at, got, want)
			}
		}
		c = webhooks.Config{Secrets: c.Secrets} // the clock of the machine
		if got := deliver(t, s.verify(c), s.sign.sign(time.Now().Unix(), body, "s"), body); got != 200 {
			t.Errorf("%s: signed now: %d", s.name, got)
		}
	}
}

// TestVerifySecrets: a missing secret must not accept any request.
func TestVerifySecrets(t *testing.T) {
	refuses := func(name string, make func()) {
		t.Helper()
		defer func() {
			text := fmt.Sprint(recover())
			if !strings.Contains(text, "webhooks: ") || strings.Contains(text, "not-base64") {
				t.Errorf("%s: panic %s", name, text)
			}
		}()
		make()
	}
	for _, secrets := range [][]string{nil, {""}, {"a", ""}} {
		refuses("Stripe", func() { webhooks.Stripe(config(secrets...)) })
		refuses("Slack", func() { webhooks.Slack(config(secrets...)) })
		refuses("Shopify", func() { webhooks.Shopify(secrets...) })
		refuses("GitHub", func() { webhooks.GitHub(secrets...) })
		refuses("StandardWebhooks", func() { webhooks.StandardWebhooks(config(secrets...)) })
	}
	for _, secret := range []string{"whsec_", "whsec_not-base64", "whsec_AAA"} {
		refuses("Svix", func() { webhooks.Svix(config(whsec("good"), secret)) })
	}
	refuses("a negative tolerance", func() { webhooks.Stripe(webhooks.Config{Secrets: []string{"s"}, Tolerance: -1}) })
}

// FuzzHeaders: any headers are accepted only if they have a signature of the body.
func FuzzHeaders(f *testing.F) {
	for _, s := range senders {
		good := s.sign(now, body, "s")
		var values []string
		for _, name := range []string{"Stripe-Signature", "X-Slack-Signature", "X-Shopify-Hmac-Sha256", "X-Hub-Signature-256", "Webhook-Signature", "Svix-Signature"} {
			if v := good.Get(name); v != "" {
				values = append(values, v)
			}
		}
		f.Add(strings.Join(values, ""), fmt.Sprint(now), body)
	}
	f.Add("t=,v1=", "+1", "")
	f.Add("v1, v1,=", "1e9", "{}")
	verifiers := make([]func(*http.Request, []byte) error, len(senders))
	for i, s := range senders {
		verifiers[i] = s.verify("s")
	}
	f.Fuzz(func(t *testing.T, signature, timestamp, text string) {
		r := httptest.NewRequest("POST", "/", nil)
		for _, name := range []string{"Stripe-Signature", "X-Slack-Signature", "X-Shopify-Hmac-Sha256", "X-Hub-Signature-256", "Webhook-Signature", "Svix-Signature"} {
			r.Header.Set(name, signature)
		}
		for _, name := range []string{"X-Slack-Request-Timestamp", "Webhook-Timestamp", "Svix-Timestamp"} {
			r.Header.Set(name, timestamp)
		}
		r.Header.Set("Webhook-Id", "msg_1")
		r.Header.Set("Svix-Id", "msg_1")
		for i, s := range senders {
			if verifiers[i](r, []byte(text)) != nil {
				continue
			}
			// Only the body of the seeds was ever signed.
			digests := strings.ToLower(fmt.Sprint(s.sign(now, body, "s")))
			longest := ""
			for word := range strings.FieldsFuncSeq(strings.ToLower(signature), func(r rune) bool { return strings.ContainsRune(", []", r) }) {
				for _, prefix := range []string{"v1=", "v0=", "sha256="} {
					word = strings.TrimPrefix(word, prefix)
				}
				if len(word) >= 44 && strings.Contains(digests, word) {
					longest = word
				}
			}
			signed := text == body && longest != ""
			if !signed {
				t.Errorf("%s believes %q at %q of %q", s.name, signature, timestamp, text)
			}
		}
	})
}
