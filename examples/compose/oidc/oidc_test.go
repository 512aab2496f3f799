package oidc_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/apiece/apiece/examples/compose/auth"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/oidc"
	"github.com/apiece/apiece/reply"
)

const (
	issuer   = "https://login.example/"
	audience = "https://api.example"
)

// An idp is an identity provider with a document of keys that can be changed,
// or be in trouble.
type idp struct {
	fetches atomic.Int32
	serve   atomic.Value // of http.HandlerFunc
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.fetches.Add(1)
	p.serve.Load().(http.HandlerFunc)(w, r)
}

// publish makes these the keys, under the ids that they have in the map.
func (p *idp) publish(keys map[string]*rsa.PrivateKey) {
	type jwk map[string]string
	var all []jwk
	for id, key := range keys {
		all = append(all, jwk{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": "AQAB",
		})
	}
	document, err := json.Marshal(map[string]any{"keys": all})
	if err != nil {
		panic(err)
	}
	p.serve.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(document)
	}))
}

var twoKeys = sync.OnceValues(func() (first, second *rsa.PrivateKey) {
	first, err := rsa.GenerateKey(rand.Reader, 2048)
	if err == nil {
		second, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		panic(err)
	}
	return first, second
})

func sign(id string, method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
	claims := jwt.MapClaims{"sub": "ada", "iss": issuer, "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

// start starts the provider and a service that is behind its tokens; call asks
// the service.
func start(t *testing.T, client *http.Client) (p *idp, call func(token string) (*http.Response, string)) {
	p = new(idp)
	keys := loopback.Serve(t, p)
	provider := oidc.New(issuer, audience, keys.URL+"/keys", client)
	s := loopback.Serve(t, auth.Require(provider.Verify)(hello))
	return p, func(token string) (*http.Response, string) {
		t.Helper()
		return s.Do("GET", "/", "", "Authorization: Bearer "+token)
	}
}

var hello = reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
	user, _ := auth.From(r)
	return reply.Send(w, r, 200, "Hello, "+user.ID)
})

func TestTokens(t *testing.T) {
	first, second := twoKeys()
	p, call := start(t, nil)
	p.publish(map[string]*rsa.PrivateKey{"1": first})
	rs256 := func(changes jwt.MapClaims) string { return sign("1", jwt.SigningMethodRS256, first, changes) }
	good := rs256(nil)
	head, rest, _ := strings.Cut(good, ".")
	for range 3 {
		if resp, body := call(good); resp.StatusCode != 200 || body != "Hello, ada" {
			t.Fatalf("a good token: %d %s", resp.StatusCode, body)
		}
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("%d fetches for three tokens with one key", n)
	}
	for name, token := range map[string]string{
		"expired":            rs256(jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()}),
		"not valid yet":      rs256(jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}),
		"another issuer":     rs256(jwt.MapClaims{"iss": "https://evil.example/"}),
		"another audience":   rs256(jwt.MapClaims{"aud": "https://other.example"}),
		"nobody":             rs256(jwt.MapClaims{"sub": ""}),
		"another key":        sign("1", jwt.SigningMethodRS256, second, nil),
		"an unknown key":     sign("9", jwt.SigningMethodRS256, second, nil),
		"RS512":              sign("1", jwt.SigningMethodRS512, first, nil),
		"the key as secret":  sign("1", jwt.SigningMethodHS256, first.N.Bytes(), nil),
		"alg none":           sign("1", jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"tampered":           head + ".eyJzdWIiOiJyb290In0" + rest[strings.Index(rest, "."):],
		"nonsense":           "nonsense",
		"without expiration": rs256(jwt.MapClaims{"exp": nil}),
	} {
		if resp, body := call(token); resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}

// TestRotation: a new key counts from the first token that names it, and one
// that was withdrawn does not count any more.
func TestRotation(t *testing.T) {
	first, second := twoKeys()
	p, call := start(t, nil)
	p.publish(map[string]*rsa.PrivateKey{"1": first})
	old, young := sign("1", jwt.SigningMethodRS256, first, nil), sign("2", jwt.SigningMethodRS256, second, nil)
	for i, step := range []struct {
		keys       map[string]*rsa.PrivateKey
		old, young int
	}{
		{map[string]*rsa.PrivateKey{"1": first}, 200, 401},
		{map[string]*rsa.PrivateKey{"1": first, "2": second}, 200, 200},
		{map[string]*rsa.PrivateKey{"2": second}, 200, 200}, // nothing has asked again
	} {
		p.publish(step.keys)
		if resp, _ := call(old); resp.StatusCode != step.old {
			t.Errorf("step %d, old key: %d, want %d", i, resp.StatusCode, step.old)
		}
		if resp, _ := call(young); resp.StatusCode != step.young {
			t.Errorf("step %d, new key: %d, want %d", i, resp.StatusCode, step.young)
		}
	}
	call(sign("9", jwt.SigningMethodRS256, first, nil)) // asks again
	if resp, _ := call(old); resp.StatusCode != 401 {
		t.Errorf("withdrawn key: %d", resp.StatusCode)
	}
}

// TestTrouble: without the keys nobody can tell, and the answer says so.
func TestTrouble(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	first, second := twoKeys()
	good := sign("1", jwt.SigningMethodRS256, first, nil)
	release := make(chan struct{})
	defer close(release)
	for name, trouble := range map[string]http.HandlerFunc{
		"down":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"failing":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret detail", 500) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, call := start(t, &http.Client{Timeout: 100 * time.Millisecond})
			p.serve.Store(trouble)
			unavailable := func(token string) {
				t.Helper()
				resp, body := call(token)
				if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("WWW-Authenticate") != "" ||
					strings.Contains(body, "127.0.0.1") || strings.Contains(body, "secret detail") {
					t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
				}
			}
			unavailable(good)
			if resp, _ := call("nonsense"); resp.StatusCode != 401 {
				t.Errorf("a token that no key could save: %d", resp.StatusCode)
			}
			p.publish(map[string]*rsa.PrivateKey{"1": first})
			if resp, _ := call(good); resp.StatusCode != 200 {
				t.Errorf("after the trouble: %d", resp.StatusCode)
			}
			p.serve.Store(trouble)
			if resp, _ := call(good); resp.StatusCode != 200 {
				t.Errorf("in trouble again, with a key that is known: %d", resp.StatusCode)
			}
			unavailable(sign("2", jwt.SigningMethodRS256, second, nil))
		})
	}
}

func Example() {
	key, _ := twoKeys()
	p := new(idp)
	p.publish(map[string]*rsa.PrivateKey{"2026-11": key})
	keys := httptest.NewServer(p)
	defer keys.Close()

	provider := oidc.New("https://login.example/", "https://api.example", keys.URL, nil)
	api := auth.Require(provider.Verify)(hello)
	for _, id := range []string{"2026-11", "2025-01"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+sign(id, jwt.SigningMethodRS256, key, nil))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Hello, ada
	// 401 {"title":"Unauthorized","status":401,"detail":"The token is not valid"}
}
