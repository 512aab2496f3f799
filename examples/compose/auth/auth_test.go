package auth_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/apiece/apiece/examples/compose/auth"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

const issuer = "https://api.example"

var (
	key    = []byte("thirty-two bytes that are secret")
	tokens = auth.NewTokens(key, issuer, time.Hour)
)

func check(_ context.Context, name, password string) (auth.User, error) {
	switch password {
	case "correct horse":
		return auth.User{ID: name}, nil
	case "outage":
		return auth.User{}, errors.New("dial tcp: connection refused")
	}
	return auth.User{}, auth.ErrCredentials
}

func service(t testing.TB) http.Handler {
	t.Helper()
	h, err := pattern.NewHandler(auth.Routes(tokens, check), pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// sign returns a token with valid claims except for the changes; nil removes a claim.
func sign(t *testing.T, method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "ada", "iss": issuer, "aud": issuer, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestRequireTokens: valid and invalid tokens.
func TestRequireTokens(t *testing.T) {
	good := sign(t, jwt.SigningMethodHS256, key, nil)
	head, rest, _ := strings.Cut(good, ".")
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	hour := func(n int) int64 { return time.Now().Add(time.Duration(n) * time.Hour).Unix() }
	with := func(changes jwt.MapClaims) []string {
		return []string{"Authorization: Bearer " + sign(t, jwt.SigningMethodHS256, key, changes)}
	}
	const missing, invalid = `Bearer realm="api"`, `Bearer realm="api", error="invalid_token"`
	tests := []struct {
		name   string
		fields []string
		want   string // the challenge, "" for 200
	}{
		{"good", []string{"Authorization: Bearer " + good}, ""},
		{"scheme in lower case", []string{"Authorization: bearer " + good}, ""},
		{"scheme in upper case, two spaces", []string{"Authorization: BEARER  " + good}, ""},
		{"cookie", []string{"Cookie: __Host-token=" + good}, ""},
		{"one audience of two", with(jwt.MapClaims{"aud": []string{"x", issuer}}), ""},

		{"nothing", nil, missing},
		{"no token", []string{"Authorization: Bearer"}, missing},
		{"empty token", []string{"Authorization: Bearer  "}, missing},
		{"another scheme", []string{"Authorization: Basic YWRhOng="}, missing},
		{"another scheme beside a cookie", []string{"Authorization: Basic YWRhOng=", "Cookie: __Host-token=" + good}, missing},
		{"scheme without a space", []string{"Authorization: Bearer" + good}, missing},
		{"no scheme", []string{"Authorization: " + good}, missing},

		{"two tokens", []string{"Authorization: Bearer " + good, "Authorization: Bearer " + good}, invalid},
		{"two tokens in one", []string{"Authorization: Bearer " + good + " " + good}, invalid},
		{"nonsense", []string{"Authorization: Bearer nonsense"}, invalid},
		{"tampered", []string{"Authorization: Bearer " + head + ".eyJzdWIiOiJyb290In0" + rest[strings.Index(rest, "."):]}, invalid},
		{"without its signature", []string{"Authorization: Bearer " + good[:strings.LastIndex(good, ".")+1]}, invalid},
		{"another key", []string{"Authorization: Bearer " + sign(t, jwt.SigningMethodHS256, []byte("another key of thirty-two bytes.."), nil)}, invalid},
		{"another algorithm", []string{"Authorization: Bearer " + sign(t, jwt.SigningMethodHS512, key, nil)}, invalid},
		{"a public-key algorithm", []string{"Authorization: Bearer " + sign(t, jwt.SigningMethodRS256, private, nil)}, invalid},
		{"alg none", []string{"Authorization: Bearer " + sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)}, invalid},
		{"expired", with(jwt.MapClaims{"exp": hour(-1)}), invalid},
		{"valid for ever", with(jwt.MapClaims{"exp": nil}), invalid},
		{"not valid yet", with(jwt.MapClaims{"nbf": hour(1)}), invalid},
		{"another issuer", with(jwt.MapClaims{"iss": "https://evil.example"}), invalid},
		{"no issuer", with(jwt.MapClaims{"iss": nil}), invalid},
		{"another audience", with(jwt.MapClaims{"aud": "https://other.example"}), invalid},
		{"no audience", with(jwt.MapClaims{"aud": nil}), invalid},
		{"nobody", with(jwt.MapClaims{"sub": nil}), invalid},
		{"bad cookie", []string{"Cookie: __Host-token=nonsense"}, invalid},
	}
	loopback.Both(t, service(t), func(t *testing.T, s *loopback.Server) {
		for _, tt := range tests {
			resp, body := s.Do("GET", "/api/me?access_token="+good, "", tt.fields...)
			status, text := 200, `{"user":"ada"}`
			if tt.want != "" {
				status, text = 401, `"status":401`
			}
			if resp.StatusCode != status || resp.Header.Get("WWW-Authenticate") != tt.want || !strings.Contains(body, text) {
				t.Errorf("%s: %d %v %s, want %d with %q", tt.name, resp.StatusCode, resp.Header, body, status, tt.want)
			}
			for _, cause := range []string{"signature", "expired", "issuer", "claim"} {
				if strings.Contains(body, cause) {
					t.Errorf("%s: the client is told %s", tt.name, body)
				}
			}
		}
	})
}

// public are the routes without authentication.
var public = []string{"/login"}

// TestRequireOnEveryRoute walks the table of routes: without a token each route responds with 401
// to any method, except the public ones.
func TestRequireOnEveryRoute(t *testing.T) {
	for _, complaint := range unguarded(t, auth.Routes(tokens, check), public) {
		t.Error(complaint)
	}
	open := auth.Routes(tokens, check)
	open["/api/oops/[[...path]]"] = http.NotFoundHandler()
	if found := unguarded(t, open, append(public, "/gone")); len(found) != 2 {
		t.Errorf("with a route outside of the guard and a public one that is gone: found %q", found)
	}
}

// unguarded works in the test of any service with a table of routes.
func unguarded(t *testing.T, routes map[string]http.Handler, public []string) (found []string) {
	t.Helper()
	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\[[^/]*\]`)
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		if slices.Contains(public, route) {
			continue
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, parameter.ReplaceAllString(route, "x"), nil))
			if w.Code != http.StatusUnauthorized {
				found = append(found, fmt.Sprintf("%s %s is open: %d", method, route, w.Code))
				break
			}
		}
	}
	for _, route := range public {
		if routes[route] == nil {
			found = append(found, route+" is public, and there is no such route")
		}
	}
	return found
}

// TestLoginInBrowser follows a browser: to a page, to the login, and back.
func TestLoginInBrowser(t *testing.T) {
	s := loopback.Serve(t, service(t))
	const accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	resp, _ := s.Do("GET", "/account?tab=2&x=%26", "", accept)
	at := resp.Header.Get("Location")
	if resp.StatusCode != 303 || at != "/login?next=%2Faccount%3Ftab%3D2%26x%3D%2526" || resp.Header.Get("Vary") != "Accept" {
		t.Fatalf("not signed in: %d %v", resp.StatusCode, resp.Header)
	}
	resp, body := s.Do("GET", at, "", accept)
	if resp.StatusCode != 200 || !strings.Contains(body, `name="next" value="/account?tab=2&amp;x=%26"`) {
		t.Fatalf("login: %d %s", resp.StatusCode, body)
	}
	submit := func(password, next string) *http.Response {
		form := url.Values{"name": {"ada"}, "password": {password}, "next": {next}}
		resp, _ := s.Do("POST", "/login", form.Encode(), "Content-Type: application/x-www-form-urlencoded")
		return resp
	}
	if resp := submit("guess", "/account"); resp.StatusCode != 403 || len(resp.Cookies()) != 0 {
		t.Errorf("wrong password: %d %v", resp.StatusCode, resp.Header)
	}
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	if resp := submit("outage", "/account"); resp.StatusCode != 500 || len(resp.Cookies()) != 0 {
		t.Errorf("nobody can tell: %d %v", resp.StatusCode, resp.Header)
	}
	resp = submit("correct horse", "/account?tab=2&x=%26")
	if resp.StatusCode != 303 || resp.Header.Get("Location") != "/account?tab=2&x=%26" || len(resp.Cookies()) != 1 {
		t.Fatalf("signed in: %d %v", resp.StatusCode, resp.Header)
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 3600 {
		t.Errorf("cookie: %v", c)
	}
	if resp, body := s.Do("GET", "/account?tab=2", "", accept, "Cookie: "+c.Name+"="+c.Value); resp.StatusCode != 200 || body != `{"user":"ada"}` {
		t.Errorf("back: %d %s", resp.StatusCode, body)
	}
	for _, next := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/\t/evil.example", "javascript:alert(1)", "evil", ""} {
		if at := submit("correct horse", next).Header.Get("Location"); at != "/account" {
			t.Errorf("next=%q: sent to %q", next, at)
		}
	}
}

// TestLoginRedirectsPagesOnly: only a browser that opens a page is redirected; other requests get 401.
func TestLoginRedirectsPagesOnly(t *testing.T) {
	s := loopback.Serve(t, service(t))
	for _, tt := range []struct {
		method, path, accept, location string
		status                         int
	}{
		{"GET", "/account", "text/html", "/login?next=%2Faccount", 303},
		{"GET", "/account", "Text/HTML;q=0.9, */*", "/login?next=%2Faccount", 303},
		{"GET", "/account/", "text/html", "/login?next=%2Faccount%2F", 303},
		{"GET", "/account", "*/*", "", 401},
		{"GET", "/account", "", "", 401},
		{"GET", "/account", "application/json", "", 401},
		{"GET", "/account", "application/json, text/html;q=0", "", 401},
		{"GET", "/account", "text/html;q=0.000", "", 401},
		{"GET", "/account", "text/", "", 401},
		{"DELETE", "/api/notes/1", "text/html", "", 401},
	} {
		resp, _ := s.Do(tt.method, tt.path, "", "Accept: "+tt.accept)
		if resp.StatusCode != tt.status || resp.Header.Get("Location") != tt.location {
			t.Errorf("%s %s for %q: %d to %q, want %d to %q", tt.method, tt.path, tt.accept, resp.StatusCode, resp.Header.Get("Location"), tt.status, tt.location)
		}
	}
}

func TestNewTokensShortKey(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a key of 31 bytes is taken")
		}
	}()
	auth.NewTokens(key[:31], issuer, time.Hour)
}

// TestRequireKeepsPattern: loggers outside see the route, although the guard has passed on
// a copy of the request.
func TestRequireKeepsPattern(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /notes/{id}", func(http.ResponseWriter, *http.Request) {})
	h := auth.Require(tokens.Verify)(mux)
	r := httptest.NewRequest("GET", "/notes/1", nil)
	r.Header.Set("Authorization", "Bearer "+sign(t, jwt.SigningMethodHS256, key, nil))
	h.ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /notes/{id}" {
		t.Errorf("the pattern is %q", r.Pattern)
	}
}

// TestRequireRemovesFormFiles: net/http removes the files of a form that a handler inside the guard has
// parsed, even after a panic.
func TestRequireRemovesFormFiles(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	file, err := m.CreateFormFile("file", "cat.png")
	if err != nil {
		t.Fatal(err)
	}
	file.Write(make([]byte, 64<<10))
	m.Close()
	recovers := middleware.Recover(slog.New(slog.DiscardHandler))
	h := recovers(auth.Require(tokens.Verify)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseMultipartForm(1); err != nil {
			return err
		}
		if found, _ := os.ReadDir(temp); len(found) != 1 {
			t.Errorf("%d files, while the form is in use", len(found))
		}
		if r.URL.Path == "/panic" {
			panic("on purpose")
		}
		return reply.Send(w, r, 204, nil)
	})))
	loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
		for _, path := range []string{"/", "/panic"} {
			r, _ := http.NewRequest("POST", s.URL+path, bytes.NewReader(b.Bytes()))
			r.Header.Set("Content-Type", m.FormDataContentType())
			r.Header.Set("Authorization", "Bearer "+sign(t, jwt.SigningMethodHS256, key, nil))
			if resp, err := s.Client.Do(r); err == nil {
				resp.Body.Close()
			}
		}
		s.Close()
		if found, _ := os.ReadDir(temp); len(found) > 0 {
			t.Errorf("%d files are left", len(found))
		}
	})
}

func Example() {
	tokens := auth.NewTokens([]byte("thirty-two bytes that are secret"), "https://api.example", time.Hour)
	api := auth.Require(tokens.Verify)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		user, _ := auth.From(r)
		return reply.Send(w, r, 200, "Hello, "+user.ID)
	}))
	token, err := tokens.Issue(auth.User{ID: "ada"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, authorization := range []string{"", "Basic YWRhOng=", "Bearer " + token[1:], "Bearer " + token} {
		r := httptest.NewRequest("GET", "/", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body, w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 401 {"title":"Unauthorized","status":401,"detail":"Sign in first"} Bearer realm="api"
	// 401 {"title":"Unauthorized","status":401,"detail":"Sign in first"} Bearer realm="api"
	// 401 {"title":"Unauthorized","status":401,"detail":"The token is not valid"} Bearer realm="api", error="invalid_token"
	// 200 Hello, ada
}
