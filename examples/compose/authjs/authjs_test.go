package authjs_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/apiece/apiece/examples/compose/authjs"
	"github.com/apiece/apiece/reply"
)

// recorded are cookies from the npm packages.
type recorded struct {
	Secret string
	Old    string
	Cases  []struct {
		ID      string
		Version int
		Package string
		Cookies [][2]string
	}
}

func read(t testing.TB) (r recorded) {
	t.Helper()
	text, err := os.ReadFile("testdata/cookies.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func request(cookies [][2]string) *http.Request {
	r := httptest.NewRequest("GET", "/api/me?a=b", nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c[0], Value: c[1]})
	}
	return r
}

func TestSessionOfRecordedCookies(t *testing.T) {
	rec := read(t)
	for _, c := range rec.Cases {
		for _, rotated := range []bool{false, true} {
			secrets := []string{rec.Secret}
			if rotated {
				secrets = append(secrets, rec.Old)
			}
			want := "" // the start of the error
			switch {
			case strings.Contains(c.ID, "expired"):
				want = "authjs: the session has expired"
			case strings.Contains(c.ID, "other secret") && !rotated, strings.Contains(c.ID, "another cookie"):
				want = "authjs: go-jose"
			}
			sessions := authjs.New(authjs.Config{Version: c.Version, Secrets: secrets, Secure: strings.Contains(c.ID, "secure")})
			s, err := sessions.Session(request(c.Cookies))
			if want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s, rotated %t: %v, want %s", c.ID, rotated, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s (%s), rotated %t: %v", c.ID, c.Package, rotated, err)
				continue
			}
			if s.Subject != "u1" || s.Name != "Ada" || s.Email != "ada@example.com" || s.Picture == "" || s.Claims["role"] != "admin" || s.Expires.Year() < 2100 {
				t.Errorf("%s: %+v", c.ID, s)
			}
			if groups, _ := s.Claims["groups"].([]any); strings.Contains(c.ID, "chunked") && len(groups) != 400 {
				t.Errorf("%s: %d groups", c.ID, len(groups))
			}
		}
	}
}

func TestSessionBadCookies(t *testing.T) {
	rec := read(t)
	good := rec.Cases[5].Cookies[0] // version 5
	parts := strings.Split(good[1], ".")
	for _, c := range []struct {
		why     string
		cookies [][2]string
		none    bool
	}{
		{"none", nil, true},
		{"an empty one", [][2]string{{good[0], ""}}, true},
		{"of another name", [][2]string{{"session", good[1]}}, true},
		{"a part is missing", [][2]string{{good[0] + ".1", good[1]}}, true},
		{"no token", [][2]string{{good[0], "x"}}, false},
		{"another text", [][2]string{{good[0], strings.Join([]string{parts[0], parts[1], parts[2], "AAAA", parts[4]}, ".")}}, false},
		{"a tag of zeros", [][2]string{{good[0], strings.Join([]string{parts[0], parts[1], parts[2], parts[3], strings.Repeat("A", len(parts[4]))}, ".")}}, false},
		{"not encrypted", [][2]string{{good[0], "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSJ9."}}, false},
		{"of version 4", [][2]string{{good[0], rec.Cases[0].Cookies[0][1]}}, false},
	} {
		s, err := authjs.New(authjs.Config{Version: 5, Secrets: []string{rec.Secret}}).Session(request(c.cookies))
		if s != nil || err == nil || errors.Is(err, authjs.ErrNoSession) != c.none {
			t.Errorf("%s: %v, %v", c.why, s, err)
		}
	}
}

// TestSessionClaims reads tokens that were made with the secret.
func TestSessionClaims(t *testing.T) {
	key, err := hkdf.Key(sha256.New, []byte("x"), []byte("authjs.session-token"), "Auth.js Generated Encryption Key (authjs.session-token)", 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ why, text, want string }{ // want is the start of the error, or the address
		{"all is well", `{"exp":4e9,"email":"a"}`, "a"},
		{"another name in other letters", `{"exp":4e9,"email":"a","Email":"b"}`, "a"},
		{"an email that is no text", `{"exp":4e9,"email":5}`, ""},
		{"no expiry", `{"Exp":4e9}`, "authjs: a session that never expires"},
		{"an expiry of null", `{"exp":null}`, "authjs: the claim exp is no time"},
		{"an expiry that is a text", `{"exp":"4000000000"}`, "authjs: the claim exp is no time"},
		{"an expiry without an end", `{"exp":1e300}`, "authjs: the claim exp is no time"},
		{"two of them", `{"exp":4e9,"exp":1}`, "authjs: the session has expired"},
		{"not yet", `{"exp":4e9,"nbf":3.9e9}`, "authjs: the session is not valid yet"},
		{"null", `null`, "authjs: a session that never expires"},
		{"a list", `[]`, "authjs: json"},
	} {
		for _, crit := range []bool{false, true} {
			opts := &jose.EncrypterOptions{Compression: jose.DEFLATE}
			want := c.want
			if crit {
				opts, want = opts.WithHeader("crit", []string{"x"}).WithHeader("x", 1), "authjs: go-jose"
			}
			e, err := jose.NewEncrypter(jose.A256CBC_HS512, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, opts)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := e.Encrypt([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			token, err := sealed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			s, err := authjs.New(authjs.Config{Version: 5, Secrets: []string{"x"}}).Session(request([][2]string{{"authjs.session-token", token}}))
			switch {
			case strings.HasPrefix(want, "authjs: "):
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s, crit %t: %v, want %s", c.why, crit, err, want)
				}
			case err != nil || s.Email != want:
				t.Errorf("%s: %+v, %v, want %q", c.why, s, err, want)
			}
		}
	}
}

func TestNewBadConfig(t *testing.T) {
	for _, cfg := range []authjs.Config{{}, {Version: 5}, {Version: 3, Secrets: []string{"x"}}, {Version: 5, Secrets: []string{""}}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v is accepted", cfg)
				}
			}()
			authjs.New(cfg)
		}()
	}
}

func TestRequireSignIn(t *testing.T) {
	rec := read(t)
	sessions := authjs.New(authjs.Config{Version: 5, Secrets: []string{rec.Secret}})
	me := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		s, ok := authjs.From(r)
		return reply.Send(w, r, http.StatusOK, fmt.Sprint(s.Name, ok))
	})
	for _, c := range []struct {
		why, accept, signIn string
		cookies             [][2]string
		status              int
		location, body      string
	}{
		{"signed in", "", "/signin", rec.Cases[5].Cookies, 200, "", "Adatrue"},
		{"a script", "application/json", "/signin", nil, 401, "", `"detail":"Sign in first"`},
		{"a page", "text/html,*/*;q=0.8", "/signin", nil, 303, "/signin?callbackUrl=%2Fapi%2Fme%3Fa%3Db", ""},
		{"a page without a place to go to", "text/html", "", nil, 401, "", ""},
		{"an expired session", "", "/signin", rec.Cases[8].Cookies, 401, "", ""},
	} {
		r := request(c.cookies)
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		sessions.Require(c.signIn)(me).ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Location") != c.location || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s: %d %v %s", c.why, w.Code, w.Header(), w.Body)
		}
	}
}
