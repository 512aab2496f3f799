package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/apiece/apiece/examples/compose/webhook"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// sign signs like GitHub.
func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// deliver returns a request for a delivery with these signatures.
func deliver(id, body string, signatures ...string) *http.Request {
	r := httptest.NewRequest("POST", "/api/webhook", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", "issues")
	r.Header.Set("X-GitHub-Delivery", id)
	r.Header["X-Hub-Signature-256"] = signatures
	return r
}

func status(h http.Handler, r *http.Request) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

func TestReceiverSignature(t *testing.T) {
	const body = `{"action":"opened","issue":{"title":"ü"}}`
	good := sign("new", body)
	form := func(r *http.Request) *http.Request {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	anonymous := func(r *http.Request) *http.Request {
		r.Header.Del("X-GitHub-Delivery")
		return r
	}
	tests := []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"good", deliver("1", body, good), 202},
		{"upper case", deliver("1", body, "sha256="+strings.ToUpper(good[7:])), 202},
		{"the secret before", deliver("1", body, sign("old", body)), 202},
		{"another secret", deliver("1", body, sign("guess", body)), 403},
		{"missing", deliver("1", body), 403},
		{"empty", deliver("1", body, ""), 403},
		{"doubled", deliver("1", body, good, good), 403},
		{"good and wrong", deliver("1", body, sign("guess", body), good), 403},
		{"two in one", deliver("1", body, good+", "+good), 403},
		{"no prefix", deliver("1", body, good[7:]), 403},
		{"SHA-1", deliver("1", body, "sha1="+good[7:47]), 403},
		{"cut", deliver("1", body, good[:len(good)-2]), 403},
		{"no hex", deliver("1", body, good[:len(good)-1]+"z"), 403},
		{"of another body", deliver("1", body+" ", good), 403},
		{"no body", deliver("1", "", good), 403},
		{"no JSON, and not signed", deliver("1", "{", good), 403},
		{"no JSON", deliver("1", "{", sign("new", "{")), 400},
		{"a form", form(deliver("1", "payload=%7B%7D", sign("new", "payload=%7B%7D"))), 415},
		{"no id", anonymous(deliver("1", body, good)), 400},
	}
	for _, tt := range tests {
		rc := webhook.New(nil, []byte("new"), []byte("old"))
		if got := status(rc, tt.r); got != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.status)
		}
	}
}

// TestReceiverRespondsAtOnce: the response does not wait for the work, for small and large deliveries.
func TestReceiverRespondsAtOnce(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		answered, worked := make(chan struct{}), make(chan int, 1)
		rc := webhook.New(func(_ context.Context, d webhook.Delivery) error {
			<-answered
			worked <- len(d.Payload)
			return nil
		}, []byte("secret"))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { rc.Run(ctx) })
		defer running.Wait()
		defer cancel()

		body := `{"pad":"` + strings.Repeat("x", 2<<20) + `"}`
		resp := tr.Do(t, rc, deliver("1", body, sign("secret", body)))
		if resp.StatusCode != 202 {
			t.Fatalf("%d", resp.StatusCode)
		}
		close(answered)
		if n := <-worked; n != len(body) {
			t.Errorf("worked on %d bytes, want %d", n, len(body))
		}
	})
}

// TestReceiverBodyLimit: a body above GitHub's limit is not read.
func TestReceiverBodyLimit(t *testing.T) {
	r := deliver("1", "", "sha256=00")
	r.Body, r.ContentLength = io.NopCloser(errorReader{t}), 25<<20+1
	if got := status(webhook.New(nil, []byte("secret")), r); got != 413 {
		t.Errorf("%d", got)
	}
}

type errorReader struct{ t *testing.T }

func (r errorReader) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.ErrUnexpectedEOF
}

// TestReceiverInsideBodyParser: the limit of an outer parser applies, and the signature is still checked.
func TestReceiverInsideBodyParser(t *testing.T) {
	h := middleware.New(middleware.Config{})(webhook.New(nil, []byte("secret")))
	if got := status(h, deliver("1", "{}", sign("guess", "{}"))); got != 403 {
		t.Errorf("not signed: %d", got)
	}
	if got := status(h, deliver("1", "{}", sign("secret", "{}"))); got != 202 {
		t.Errorf("signed: %d", got)
	}
	body := `"` + strings.Repeat("x", 2<<20) + `"`
	if got := status(h, deliver("1", body, sign("secret", body))); got != 413 {
		t.Errorf("large: %d", got)
	}
}

// TestReceiverReplay: a delivery is processed once, with any id, unless the work on it has failed.
func TestReceiverReplay(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	log := new(testkit.Log)
	slog.SetDefault(log.Logger())
	var done []string
	var failure error
	rc := webhook.New(func(_ context.Context, d webhook.Delivery) error {
		done = append(done, d.ID)
		if string(d.Payload) == `"panic"` {
			panic("on fire")
		}
		return failure
	}, []byte("secret"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	send := func(id, body string, want int) {
		t.Helper()
		if got := status(rc, deliver(id, body, sign("secret", body))); got != want {
			t.Errorf("%s %s: %d, want %d", id, body, got, want)
		}
		rc.Run(ended) // works on what is waiting
	}
	send("1", "{}", 202)
	send("1", "{}", 200)
	send("2", "{}", 200)
	send("3", "[]", 202)
	failure = errors.New("no luck")
	send("4", "1", 202)
	failure = nil
	send("4", "1", 202)
	send("5", `"panic"`, 202)
	if got, want := fmt.Sprint(done), "[1 3 4 4 5]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if n := len(log.Records()); n != 2 {
		t.Errorf("%d records of two failures", n)
	}
}

// TestReceiverRedelivery: a delivery that failed at first is remembered from its redelivery.
func TestReceiverRedelivery(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	failure := errors.New("no luck")
	rc := webhook.New(func(context.Context, webhook.Delivery) error { return failure }, []byte("secret"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	send := func(body string) int {
		defer rc.Run(ended)
		return status(rc, deliver("1", body, sign("secret", body)))
	}
	send(`"again"`)
	failure = nil
	if got := send(`"again"`); got != 202 {
		t.Errorf("after the failure: %d", got)
	}
	for i := range 9_999 { // with which the first place is taken by another
		if got := send(fmt.Sprint(i)); got != 202 {
			t.Fatalf("%d: %d", i, got)
		}
		if got := send(`"again"`); i == 9_998 && got != 200 {
			t.Errorf("replayed after %d others: %d", i+1, got)
		}
	}
}

// TestReceiverFullQueue: a delivery to a full queue gets 503, and can be sent again.
func TestReceiverFullQueue(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	worked := 0
	rc := webhook.New(func(context.Context, webhook.Delivery) error { worked++; return nil }, []byte("secret"))
	send := func(i int) int {
		body := fmt.Sprint(i)
		return status(rc, deliver(body, body, sign("secret", body)))
	}
	n := 0
	for send(n) == 202 {
		n++
	}
	if got := send(n); got != 503 {
		t.Errorf("%d", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	rc.Run(ended)
	if got := send(n); got != 202 || worked != n || n == 0 {
		t.Errorf("%d after %d of %d", got, worked, n)
	}
}

// TestNewWithoutSecret: a missing secret stops the service at startup.
func TestNewWithoutSecret(t *testing.T) {
	for _, secrets := range [][][]byte{nil, {nil}, {[]byte("good"), {}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q are accepted", secrets)
				}
			}()
			webhook.New(nil, secrets...)
		}()
	}
}
