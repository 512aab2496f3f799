package authjs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/apiece/apiece/examples/compose/authjs"
	"github.com/apiece/apiece/reply"
)

// recorded are cookies that the npm packages themselves have made.
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

func TestSession(t *testing.T) {
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

func TestBadCookies(t *testing.T) {
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

func TestNew(t *testing.T) {
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

func TestRequire(t *testing.T) {
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
