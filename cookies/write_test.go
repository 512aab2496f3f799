package cookies_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
)

func TestSerializeVectors(t *testing.T) {
	type vector struct {
		Input struct {
			Name, Value string
			Options     map[string]json.RawMessage
		}
		Expected struct {
			Kit struct {
				Verdict, Pair string
				Attrs         map[string]any
			}
		}
	}
	for _, v := range testkit.Vectors[vector](t, "cookie-serialize.json", "kit") {
		in, want := v.Case.Input, v.Case.Expected.Kit
		if want.Verdict == "n/a" {
			v.Leave("not applicable")
			continue
		}
		if v.Excepts("verdict") != nil {
			want.Verdict, want.Pair = "ok", in.Name+"="+in.Value
			var path string
			if json.Unmarshal(in.Options["path"], &path) == nil {
				want.Attrs = map[string]any{"path": path}
			}
		}
		if v.Excepts("attrs.max-age") != nil {
			var seconds float64
			if err := json.Unmarshal(in.Options["maxAge"], &seconds); err != nil {
				t.Fatal(err)
			}
			want.Attrs = maps.Clone(want.Attrs)
			want.Attrs["max-age"] = fmt.Sprint(int(min(max(seconds, 0), 400*24*60*60)))
		}
		capped := v.Excepts("attrs.expires") != nil
		v.Run(t, func(t *testing.T) {
			rec := httptest.NewRecorder()
			err := cookies.Set(rec, cookieOf(t, in.Name, in.Value, in.Options))
			lines := rec.Result().Header["Set-Cookie"]
			if want.Verdict == "error" {
				var e *cookies.Error
				if !errors.As(err, &e) || len(lines) != 0 {
					t.Errorf("Set = %v with headers %q, want an *Error and none", err, lines)
				}
				return
			}
			if err != nil || len(lines) != 1 {
				t.Fatalf("Set = %v with headers %q, want one", err, lines)
			}
			pair, attrs := parseSetCookie(lines[0])
			if capped {
				expires, err := http.ParseTime(fmt.Sprint(attrs["expires"]))
				if left := time.Until(expires); err != nil || left > 400*24*time.Hour || left < 399*24*time.Hour {
					t.Errorf("Set wrote %q, want an expiry in 400 days", lines[0])
				}
				delete(attrs, "expires")
				want.Attrs = maps.Clone(want.Attrs)
				delete(want.Attrs, "expires")
			}
			if pair != want.Pair || !maps.Equal(attrs, want.Attrs) {
				t.Errorf("Set wrote %q,\nwant %q with %v", lines[0], want.Pair, want.Attrs)
			}
			if got, ok := cookies.Lookup(carrying(pair), in.Name); got != in.Value || !ok {
				t.Errorf("read back %q, %v, want %q", got, ok, in.Value)
			}
		})
	}
}

// cookieOf builds an http.Cookie from the options of npm's cookie package.
func cookieOf(t *testing.T, name, value string, options map[string]json.RawMessage) *http.Cookie {
	t.Helper()
	c := &http.Cookie{Name: name, Value: value}
	for option, raw := range options {
		var err error
		switch option {
		case "path":
			err = json.Unmarshal(raw, &c.Path)
		case "domain":
			err = json.Unmarshal(raw, &c.Domain)
		case "secure":
			err = json.Unmarshal(raw, &c.Secure)
		case "httpOnly":
			err = json.Unmarshal(raw, &c.HttpOnly)
		case "partitioned":
			err = json.Unmarshal(raw, &c.Partitioned)
		case "maxAge":
			err = json.Unmarshal(raw, &c.MaxAge)
			if c.MaxAge == 0 {
				c.MaxAge = -1 // how net/http writes zero
			}
		case "expires":
			var date struct {
				Date string `json:"$date"`
			}
			if err = json.Unmarshal(raw, &date); err == nil {
				var year10000 bool
				date.Date, year10000 = strings.CutPrefix(date.Date, "+01")
				if year10000 {
					c.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
				} else {
					c.Expires, err = time.Parse(time.RFC3339, date.Date)
				}
			}
		case "sameSite":
			var mode string
			if err = json.Unmarshal(raw, &mode); err == nil {
				modes := map[string]http.SameSite{"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode}
				var known bool
				if c.SameSite, known = modes[strings.ToLower(mode)]; !known {
					c.SameSite = 99
				}
			}
		default:
			t.Fatalf("unknown option %q", option)
		}
		if err != nil {
			t.Fatalf("option %s: %v", option, err)
		}
	}
	return c
}

// parseSetCookie splits a Set-Cookie line in the form of the vectors.
func parseSetCookie(line string) (pair string, attrs map[string]any) {
	pair, rest, _ := strings.Cut(line, "; ")
	attrs = map[string]any{}
	for rest != "" {
		var attr string
		attr, rest, _ = strings.Cut(rest, "; ")
		key, value, valued := strings.Cut(attr, "=")
		key = strings.ToLower(key)
		if !valued {
			attrs[key] = true
		} else {
			attrs[key] = value
		}
	}
	return pair, attrs
}

func TestSetRefuses(t *testing.T) {
	for _, test := range []struct {
		why string
		c   *http.Cookie
	}{
		{"nil", nil},
		{"no name", &http.Cookie{Value: "v"}},
		{"value that is not UTF-8 would come back escaped", &http.Cookie{Name: "a", Value: "\xff"}},
		{"SameSite=None is dropped without Secure", &http.Cookie{Name: "a", SameSite: http.SameSiteNoneMode}},
		{"negative SameSite", &http.Cookie{Name: "a", SameSite: -1}},
		{"__Secure- without Secure", &http.Cookie{Name: "__Secure-a", Path: "/"}},
		{"__secure- in lower case", &http.Cookie{Name: "__secure-a", Path: "/"}},
		{"__Host- with a domain", &http.Cookie{Name: "__Host-a", Path: "/", Secure: true, Domain: "example.com"}},
		{"__Http- without HttpOnly", &http.Cookie{Name: "__Http-a", Secure: true}},
		{"__Host-Http- without HttpOnly", &http.Cookie{Name: "__Host-Http-a", Path: "/", Secure: true}},
		{"__Host-Http- is also __Host-", &http.Cookie{Name: "__Host-Http-a", Path: "/a", Secure: true, HttpOnly: true}},
		{"path over 1024 octets is ignored", &http.Cookie{Name: "a", Path: "/" + strings.Repeat("p", 1024)}},
		{"browsers cut spaces around a path", &http.Cookie{Name: "a", Path: "/a "}},
		{"header injection through the path", &http.Cookie{Name: "a", Path: "/\r\nX: y"}},
		{"attribute injection through the domain", &http.Cookie{Name: "a", Domain: "a.com; Secure"}},
		{"year 1600", &http.Cookie{Name: "a", Expires: time.Date(1600, 12, 31, 0, 0, 0, 0, time.UTC)}},
		{"attributes of a parsed cookie that net/http would lose", &http.Cookie{Name: "a", Unparsed: []string{"Priority=High"}}},
	} {
		for name, set := range map[string]func(http.ResponseWriter, *http.Cookie) error{
			"Set": cookies.Set, "SetRaw": cookies.SetRaw, "Delete": cookies.Delete,
		} {
			if name == "Delete" && test.c != nil && (test.c.Value != "" || !test.c.Expires.IsZero()) {
				continue // Delete ignores these
			}
			rec := httptest.NewRecorder()
			err := set(rec, test.c)
			var e *cookies.Error
			if !errors.As(err, &e) || len(rec.Header()) != 0 {
				t.Errorf("%s: %s = %v with headers %q, want an *Error and none", test.why, name, err, rec.Header())
			}
		}
	}
}

func TestSetBounds(t *testing.T) {
	fit := strings.Repeat("x", 4096-len("name"))
	for _, test := range []struct {
		why string
		c   http.Cookie
		ok  bool
	}{
		{"4096 octets of name and value", http.Cookie{Name: "name", Value: fit}, true},
		{"one more", http.Cookie{Name: "name", Value: fit + "x"}, false},
		{"the quotes count", http.Cookie{Name: "name", Value: fit[2:], Quoted: true}, true},
		{"both of them", http.Cookie{Name: "name", Value: fit[1:], Quoted: true}, false},
		{"escapes count: one byte becomes three", http.Cookie{Name: "name", Value: fit[1:] + " "}, false},
		{"1024 octets of path", http.Cookie{Name: "a", Path: "/" + strings.Repeat("p", 1023)}, true},
	} {
		if err := cookies.Set(httptest.NewRecorder(), &test.c); (err == nil) != test.ok {
			t.Errorf("%s: Set = %v", test.why, err)
		}
	}
}

func TestSetRaw(t *testing.T) {
	for _, test := range []struct {
		why    string
		value  string
		quoted bool
		want   string // "" for a refusal
	}{
		{"escapes stay as they are", "a%20b", false, "n=a%20b"},
		{"bytes that Set would escape", "a/b=c+d", false, "n=a/b=c+d"},
		{"net/http would add quotes around a space", "a b", false, ""},
		{"and around a comma", "a,b", false, ""},
		{"both are what Quoted is for", "a, b", true, `n="a, b"`},
		{"quotes inside", `a"b`, true, ""},
		{"semicolon", "a;b", true, ""},
		{"backslash", `a\b`, false, ""},
		{"newline", "a\nb", false, ""},
		{"outside ASCII", "é", false, ""},
	} {
		rec := httptest.NewRecorder()
		err := cookies.SetRaw(rec, &http.Cookie{Name: "n", Value: test.value, Quoted: test.quoted})
		if got := rec.Header().Get("Set-Cookie"); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: SetRaw(%q) wrote %q with error %v, want %q", test.why, test.value, got, err, test.want)
		}
	}
}

func TestSetKeepsOthers(t *testing.T) {
	rec := httptest.NewRecorder()
	rec.Header()["Set-Cookie"] = []string{"foreign=1; Path=/", "no cookie at all", "a=foreign", `a=other; Path=/"`}
	for _, c := range []*http.Cookie{
		{Name: "a", Value: "1"},
		{Name: "a", Value: "2", Path: "/"},
		{Name: "a", Value: "3", Path: "/", Domain: "example.com"},
		{Name: "a", Value: "4", Path: "/", Domain: ".EXAMPLE.com"},
		{Name: "a", Value: "5", Path: "/", Secure: true, Partitioned: true},
		{Name: "ab", Value: "6"},
		{Name: "a", Value: "7", Path: "/", HttpOnly: true},
	} {
		if err := cookies.Set(rec, c); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"foreign=1; Path=/",
		"no cookie at all",
		`a=other; Path=/"`, // ParseSetCookie does not read this path
		"a=1",              // replaces a=foreign
		"a=4; Path=/; Domain=EXAMPLE.com",
		"a=5; Path=/; Secure; Partitioned",
		"ab=6",
		"a=7; Path=/; HttpOnly", // replaces a=2
	}
	if got := rec.Header()["Set-Cookie"]; !slices.Equal(got, want) {
		t.Errorf("Set-Cookie headers:\n%q\nwant\n%q", got, want)
	}
}

func TestDeleteExpires(t *testing.T) {
	rec := httptest.NewRecorder()
	c := &http.Cookie{
		Name: "__Host-sid", Value: "secret", Path: "/", MaxAge: 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	cookies.Set(rec, c)
	if err := cookies.Delete(rec, c); err != nil {
		t.Fatal(err)
	}
	want := []string{"__Host-sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax"}
	if got := rec.Header()["Set-Cookie"]; !slices.Equal(got, want) {
		t.Errorf("Set-Cookie = %q, want %q", got, want)
	}
	if c.Value != "secret" || c.MaxAge != 60 {
		t.Error("Delete changed the cookie it was given")
	}
}

func TestSetAfterTheHeader(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	_, w := response.Wrap(httptest.NewRecorder(), r)
	w.WriteHeader(http.StatusOK)
	var e *cookies.Error
	if err := cookies.Set(w, &http.Cookie{Name: "a"}); !errors.As(err, &e) {
		t.Errorf("Set after the header is out = %v, want an *Error", err)
	}
}

func TestErrorHidesTheValue(t *testing.T) {
	err := cookies.Set(httptest.NewRecorder(), &http.Cookie{Name: "n", Value: strings.Repeat("hush", 2000)})
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.HasPrefix(err.Error(), "cookies: ") {
		t.Errorf("Set = %v", err)
	}
}
