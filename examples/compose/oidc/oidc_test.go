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

// An idp is an identity provider whose keys can be changed, or unavailable.
type idp struct {
	fetches atomic.Int32
	serve   atomic.Value // of http.HandlerFunc
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.fetches.Add(1)
	p.serve.Load().(http.HandlerFunc)(w, r)
}

// publish replaces the keys; the map has their ids.
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

// start starts the provider and a service that requires its tokens; call sends it a request.
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

// soon calls until it gets the status. For a moment after a fetch go-oidc shares its
// result with other requests, so a change does not apply at once.
func soon(t *testing.T, call func(string) (*http.Response, string), step, token string, status int) (resp *http.Response, body string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if resp, body = call(token); resp.StatusCode == status {
			return resp, body
		}
	}
	t.Errorf("%s: %d %s, want %d", step, resp.StatusCode, body, status)
	return resp, body
}

func TestVerifyTokens(t *testing.T) {
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
	for deadline := time.Now().Add(time.Minute); p.fetches.Load() == 1; {
		call(sign("1", jwt.SigningMethodRS256, second, nil))
		if time.Now().After(deadline) {
			t.Fatal("a token that the key has not signed costs no fetch any more: say so in the package comment")
		}
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

// TestVerifyRotatedKey: a new key is valid from the first token that names it, and a
// withdrawn one is invalid.
func TestVerifyRotatedKey(t *testing.T) {
	first, second := twoKeys()
	p, call := start(t, nil)
	p.publish(map[string]*rsa.PrivateKey{"1": first})
	old, young := sign("1", jwt.SigningMethodRS256, first, nil), sign("2", jwt.SigningMethodRS256, second, nil)
	soon(t, call, "old key", old, 200)
	soon(t, call, "new key, not published", young, 401)
	p.publish(map[string]*rsa.PrivateKey{"1": first, "2": second})
	soon(t, call, "new key", young, 200)
	soon(t, call, "old key beside it", old, 200)
	p.publish(map[string]*rsa.PrivateKey{"2": second})
	soon(t, call, "withdrawn key, and nothing has asked again", old, 200)
	unknown := sign("9", jwt.SigningMethodRS256, first, nil)
	soon(t, func(token string) (*http.Response, string) {
		call(unknown) // asks again
		return call(token)
	}, "withdrawn key", old, 401)
	soon(t, call, "new key alone", young, 200)
}

// TestVerifyKeysUnreachable: without the keys the response is 503.
func TestVerifyKeysUnreachable(t *testing.T) {
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
			var client *http.Client
			if name == "slow" {
				client = &http.Client{Timeout: 300 * time.Millisecond}
			}
			p, call := start(t, client)
			p.serve.Store(trouble)
			unavailable := func(step, token string) {
				t.Helper()
				resp, body := soon(t, call, step, token, 503)
				if resp.Header.Get("Retry-After") == "" || resp.Header.Get("WWW-Authenticate") != "" ||
					strings.Contains(body, "127.0.0.1") || strings.Contains(body, "secret detail") {
					t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
				}
			}
			unavailable("in trouble", good)
			if resp, _ := call("nonsense"); resp.StatusCode != 401 {
				t.Errorf("a token that no key could save: %d", resp.StatusCode)
			}
			p.publish(map[string]*rsa.PrivateKey{"1": first})
			soon(t, call, "after the trouble", good, 200)
			p.serve.Store(trouble)
			if resp, _ := call(good); resp.StatusCode != 200 {
				t.Errorf("in trouble again, with a key that is known: %d", resp.StatusCode)
			}
			unavailable("with one that is not", sign("2", jwt.SigningMethodRS256, second, nil))
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
