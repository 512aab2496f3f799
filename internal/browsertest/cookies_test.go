package browsertest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/chromedp/cdproto/network"
)

// stored returns the stored form of a cookie in the browser, as text to compare.
func stored(c *network.Cookie) string {
	attrs := []string{"Path=" + c.Path, "Domain=" + c.Domain}
	for name, set := range map[string]bool{
		"Secure": c.Secure, "HttpOnly": c.HTTPOnly, "Partitioned": c.PartitionKey != nil, "Session": c.Session,
	} {
		if set {
			attrs = append(attrs, name)
		}
	}
	if c.SameSite != "" {
		attrs = append(attrs, "SameSite="+string(c.SameSite))
	}
	return strings.Join(slices.Sorted(slices.Values(attrs)), "; ")
}

// TestCookiesKept sets cookies that cookies.Set accepts. The browser must keep each
// with its attributes and send it back, and Lookup must read the value that was set.
func TestCookiesKept(t *testing.T) {
	s := open(t)
	fit := strings.Repeat("v", 4096-len("long"))
	path := "/" + strings.Repeat("p", 1023)
	for _, test := range []struct {
		why  string
		c    http.Cookie
		want string
	}{
		{"nothing but a value", http.Cookie{Name: "a", Value: "1"}, "Path=/; Domain=app.example; Session"},
		{"empty value", http.Cookie{Name: "a"}, "Path=/; Domain=app.example; Session"},
		{"JSON, quotes, semicolon, text", http.Cookie{Name: "a", Value: `{"k":"é; \"日本\""}`}, "Path=/; Domain=app.example; Session"},
		{"control bytes in the value", http.Cookie{Name: "a", Value: "x\r\n\x00y"}, "Path=/; Domain=app.example; Session"},
		{"quoted", http.Cookie{Name: "a", Value: "1", Quoted: true}, "Path=/; Domain=app.example; Session"},
		{"every byte a name may have", http.Cookie{Name: "a!#$%&'*+-.^_`|~9", Value: "1"}, "Path=/; Domain=app.example; Session"},
		{"domain", http.Cookie{Name: "a", Value: "1", Domain: "app.example"}, "Path=/; Domain=.app.example; Session"},
		{"leading dot", http.Cookie{Name: "a", Value: "1", Domain: ".app.example"}, "Path=/; Domain=.app.example; Session"},
		{"path", http.Cookie{Name: "a", Value: "1", Path: "/dir"}, "Path=/dir; Domain=app.example; Session"},
		{"path that is none: the directory of the page", http.Cookie{Name: "a", Value: "1", Path: "dir"}, "Path=/; Domain=app.example; Session"},
		{"1024 octets of path", http.Cookie{Name: "a", Value: "1", Path: path}, "Path=" + path + "; Domain=app.example; Session"},
		{"4096 octets", http.Cookie{Name: "long", Value: fit}, "Path=/; Domain=app.example; Session"},
		{"HttpOnly, Secure, Lax", http.Cookie{Name: "a", Value: "1", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}, "Path=/; Domain=app.example; Session; HttpOnly; Secure; SameSite=Lax"},
		{"Strict", http.Cookie{Name: "a", Value: "1", SameSite: http.SameSiteStrictMode}, "Path=/; Domain=app.example; Session; SameSite=Strict"},
		{"None", http.Cookie{Name: "a", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode}, "Path=/; Domain=app.example; Session; Secure; SameSite=None"},
		{"Partitioned", http.Cookie{Name: "a", Value: "1", Secure: true, Partitioned: true, SameSite: http.SameSiteNoneMode}, "Path=/; Domain=app.example; Session; Secure; Partitioned; SameSite=None"},
		{"__Secure-", http.Cookie{Name: "__Secure-a", Value: "1", Secure: true}, "Path=/; Domain=app.example; Session; Secure"},
		{"__Host-", http.Cookie{Name: "__Host-a", Value: "1", Secure: true, Path: "/"}, "Path=/; Domain=app.example; Session; Secure"},
		{"__Http-", http.Cookie{Name: "__Http-a", Value: "1", Secure: true, HttpOnly: true}, "Path=/; Domain=app.example; Session; Secure; HttpOnly"},
		{"__Host-Http-", http.Cookie{Name: "__Host-Http-a", Value: "1", Secure: true, HttpOnly: true, Path: "/"}, "Path=/; Domain=app.example; Session; Secure; HttpOnly"},
		{"MaxAge", http.Cookie{Name: "a", Value: "1", MaxAge: 60}, "Path=/; Domain=app.example"},
		{"MaxAge beyond 400 days", http.Cookie{Name: "a", Value: "1", MaxAge: 1 << 40}, "Path=/; Domain=app.example"},
		{"Expires", http.Cookie{Name: "a", Value: "1", Expires: time.Now().Add(time.Hour)}, "Path=/; Domain=app.example"},
		{"the last year there is", http.Cookie{Name: "a", Value: "1", Expires: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}, "Path=/; Domain=app.example"},
	} {
		s.forget()
		s.do(func(w http.ResponseWriter, r *http.Request) {
			if err := cookies.Set(w, &test.c); err != nil {
				t.Errorf("%s: %v", test.why, err)
			}
		})
		kept := s.kept()
		if len(kept) != 1 {
			t.Errorf("%s: the browser has %d cookies", test.why, len(kept))
			continue
		}
		want := strings.Join(slices.Sorted(strings.SplitSeq(test.want, "; ")), "; ")
		if got := stored(kept[0]); kept[0].Name != test.c.Name || got != want {
			t.Errorf("%s: the browser has %s with %s, want %s", test.why, kept[0].Name, got, want)
		}
		if days := time.Until(time.Unix(int64(kept[0].Expires), 0)).Hours() / 24; days > 401 {
			t.Errorf("%s: the browser keeps it for %.0f days", test.why, days)
		}

		under := "/"
		if strings.HasPrefix(test.c.Path, "/") {
			under = test.c.Path
		}
		sent := s.at("https://app.example" + under)
		if got, ok := cookies.Lookup(sent, test.c.Name); got != test.c.Value || !ok {
			t.Errorf("%s: the browser sends %.60q, which reads as %.60q, %v", test.why, sent.Header["Cookie"], got, ok)
		}
		t.Logf("%s: kept and read", test.why)
	}
}

// TestCookiesRefused sends cookies that cookies.Set rejects, as lines that other
// software writes. The browser must drop each, or store something else than was meant:
// otherwise the rejection has no reason. (Some have another reason: a five-digit year,
// which Chromium reads, is no HTTP date.)
func TestCookiesRefused(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		why  string
		c    http.Cookie // rejected by Set
		line string      // the same in a Set-Cookie header
		want string      // what the browser stores
	}{
		{"SameSite=None without Secure", http.Cookie{Name: "a", Value: "1", SameSite: http.SameSiteNoneMode},
			"a=1; SameSite=None", ""},
		{"Partitioned without Secure", http.Cookie{Name: "a", Value: "1", Partitioned: true},
			"a=1; Partitioned", ""},
		{"__Secure- without Secure", http.Cookie{Name: "__Secure-a", Value: "1"},
			"__Secure-a=1", ""},
		{"the prefix in another letter case", http.Cookie{Name: "__sEcUrE-a", Value: "1"},
			"__sEcUrE-a=1", ""},
		{"__Host- without Secure", http.Cookie{Name: "__Host-a", Value: "1", Path: "/"},
			"__Host-a=1; Path=/", ""},
		{"__Host- with another path", http.Cookie{Name: "__Host-a", Value: "1", Path: "/a", Secure: true},
			"__Host-a=1; Path=/a; Secure", ""},
		{"__Host- with a domain", http.Cookie{Name: "__Host-a", Value: "1", Path: "/", Secure: true, Domain: "app.example"},
			"__Host-a=1; Path=/; Secure; Domain=app.example", ""},
		{"__Http- without HttpOnly", http.Cookie{Name: "__Http-a", Value: "1", Secure: true},
			"__Http-a=1; Secure", ""},
		{"__Host-Http- without HttpOnly", http.Cookie{Name: "__Host-Http-a", Value: "1", Path: "/", Secure: true},
			"__Host-Http-a=1; Path=/; Secure", ""},
		{"4097 octets", http.Cookie{Name: "a", Value: strings.Repeat("v", 4096)},
			"a=" + strings.Repeat("v", 4096), ""},
		{"1025 octets of path: ignored", http.Cookie{Name: "a", Value: "1", Path: "/" + strings.Repeat("p", 1024)},
			"a=1; Path=/" + strings.Repeat("p", 1024), "a=1; Path=/"},
		{"semicolon in the path: cut off", http.Cookie{Name: "a", Value: "1", Path: "/dir;b"},
			"a=1; Path=/dir;b", "a=1; Path=/dir"},
		{"space after the path: cut off", http.Cookie{Name: "a", Value: "1", Path: "/dir "},
			"a=1; Path=/dir ; HttpOnly", "a=1; Path=/dir"},
		{"control byte in the path", http.Cookie{Name: "a", Value: "1", Path: "/\x01"},
			"a=1; Path=/\x01", ""},
		{"domain with a dot at the end", http.Cookie{Name: "a", Value: "1", Domain: "app.example."},
			"a=1; Domain=app.example.", ""},
		{"no name: a nameless cookie", http.Cookie{Value: "1"},
			"=1", "=1; Path=/"},
		{"name that injects: another cookie", http.Cookie{Name: "a;b", Value: "1"},
			"a;b=1", "=a; Path=/"},
	} {
		s.forget()
		s.do(func(w http.ResponseWriter, r *http.Request) {
			if err := cookies.Set(w, &test.c); err == nil {
				t.Errorf("%s: Set accepts it", test.why)
			}
			w.Header()["Set-Cookie"] = []string{test.line}
		})
		got := ""
		for _, c := range s.kept() {
			got = fmt.Sprintf("%s=%s; Path=%s", c.Name, c.Value, c.Path)
		}
		if got != test.want {
			t.Errorf("%s: the browser has %.100q, want %.100q", test.why, got, test.want)
		}
		if got == "" {
			got = "dropped"
		}
		t.Logf("%s: %.60s", test.why, got)
	}
}

// TestCookiesDeleted sets cookies and deletes them with the same attributes.
func TestCookiesDeleted(t *testing.T) {
	s := open(t)
	for _, c := range []*http.Cookie{
		{Name: "a", Value: "1", Path: "/", MaxAge: 60},
		{Name: "a", Value: "1", Path: "/dir", Domain: "app.example"},
		{Name: "__Host-a", Value: "1", Path: "/", Secure: true, HttpOnly: true},
		{Name: "a", Value: "1", Path: "/", Secure: true, Partitioned: true, SameSite: http.SameSiteNoneMode},
	} {
		s.forget()
		s.do(func(w http.ResponseWriter, r *http.Request) {
			if err := cookies.Set(w, c); err != nil {
				t.Error(err)
			}
		})
		before := len(s.kept())
		s.do(func(w http.ResponseWriter, r *http.Request) {
			if err := cookies.Delete(w, c); err != nil {
				t.Error(err)
			}
		})
		if after := len(s.kept()); before != 1 || after != 0 {
			t.Errorf("%v: %d cookies before Delete and %d after", c, before, after)
		}
	}
}

// TestDraftCookie tests draft mode in a browser: on a site with TLS, and in development on
// one without.
func TestDraftCookie(t *testing.T) {
	s := open(t)
	key := []byte("0123456789abcdef0123456789abcdef")
	for origin, cfg := range map[string]cookies.DraftConfig{
		"https://app.example": {Keys: [][]byte{key}},
		"http://app.example":  {Keys: [][]byte{key}, Insecure: true},
	} {
		s.forget()
		draft := cookies.NewDraft(cfg)
		for _, step := range []struct {
			why  string
			do   func(http.ResponseWriter, *http.Request) error
			want map[string]any // the preview data, nil outside draft mode
		}{
			{"at first", func(http.ResponseWriter, *http.Request) error { return nil }, nil},
			{"enabled", func(w http.ResponseWriter, r *http.Request) error { return draft.Enable(w, r, time.Hour) }, map[string]any{}},
			{"with data", func(w http.ResponseWriter, r *http.Request) error {
				return draft.SetPreview(w, map[string]any{"id": "7"}, 0)
			}, map[string]any{"id": "7"}},
			{"disabled", func(w http.ResponseWriter, r *http.Request) error { return draft.Disable(w) }, nil},
		} {
			s.next("app.example", func(w http.ResponseWriter, r *http.Request) {
				if err := step.do(w, r); err != nil {
					t.Errorf("%s, %s: %v", origin, step.why, err)
				}
			})
			s.visit(origin + "/api/preview")
			r := s.at(origin + "/post")
			data := map[string]any{}
			_, err := draft.Preview(r, &data)
			if on := draft.Enabled(r); on != (step.want != nil) || err != nil || on && !maps.Equal(data, step.want) {
				t.Errorf("%s, %s: the browser sends %q: draft mode %v, data %v, %v", origin, step.why, r.Header["Cookie"], on, data, err)
			}
		}
	}
}
