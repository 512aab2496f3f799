package redirect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
)

func seed(f *testing.F) {
	for _, s := range []string{
		"/", "/a?b#c", "//evil.test", `/\evil.test`, "/\t/evil.test", "https:evil.test", "/a/..//evil.test",
		"/%2e//evil.test", "/a/%2E./.%2e//x", "/./", "/..", "/a b", "/é", "/ok\n", "/ok ", " /ok", "/?\\", "/#\\",
		"https://app.example", "https://APP.example:443/x", "https://accounts.example:8443@evil.test",
		`https://app.example\@evil.test`, "https://app.example:0443/", "https://app.example./", "https://\u212aapp.example",
		"javascript:alert(1)", "https:///app.example", "http://app.example", "", "?", "a:b",
	} {
		f.Add(s)
	}
}

const ownOrigin = "https://app.example"

// A target that IsLocal accepts stays on the origin in a browser and in net/url:
// unchanged, as sent by Local, and after a server has cleaned the path and
// redirected again.
func FuzzIsLocal(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, target string) {
		rec := httptest.NewRecorder()
		if err := redirect.Local(rec, httptest.NewRequest("GET", "/", nil), target, "/fallback"); err != nil {
			t.Fatal(err)
		}
		sent := rec.Header().Get("Location")
		checkSent(t, sent)
		if got := browserOrigin(ownOrigin, sent); got != ownOrigin {
			t.Errorf("Local(%q) sent %q, a browser goes to %q", target, sent, got)
		}
		if !redirect.IsLocal(target) {
			if sent != "/fallback" {
				t.Errorf("%q is not local but Local sent %q", target, sent)
			}
			return
		}
		if got := browserOrigin(ownOrigin, target); got != ownOrigin {
			t.Errorf("IsLocal(%q), but a browser goes to %q", target, got)
		}
		if !redirect.IsLocal(sent) {
			t.Errorf("%q is local but what was sent for it, %q, is not", target, sent)
		}
		base, _ := url.Parse(ownOrigin + "/dir/page")
		if u, err := base.Parse(sent); err == nil {
			if u.Scheme+"://"+u.Host != ownOrigin || u.User != nil {
				t.Errorf("Local(%q) sent %q, which net/url resolves to %v", target, sent, u)
			}
		}
		path := sent
		if i := strings.IndexAny(sent, "?#"); i >= 0 {
			path = sent[:i]
		}
		if cleaned := removeDots(path); strings.HasPrefix(cleaned, "//") {
			t.Errorf("IsLocal(%q), but without dot segments that is %q", target, cleaned)
		}
	})
}

// removeDots removes dot segments as the path state of the URL standard does.
func removeDots(path string) string {
	var out []string
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		case ".":
		default:
			out = append(out, segment)
			continue
		}
		if last {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}

// A target that an AllowList accepts leads to a listed origin or stays.
func FuzzPolicy(f *testing.F) {
	seed(f)
	p := redirect.NewAllowList("https://accounts.example:8443", "http://plain.example", "https://[2001:db8::1]")
	allowed := map[string]bool{
		ownOrigin: true, "https://accounts.example:8443": true, "http://plain.example": true, "https://[2001:db8::1]": true,
	}
	f.Add("http://PLAIN.example:80")
	f.Add("https://[2001:db8::1]:443/")
	f.Fuzz(func(t *testing.T, target string) {
		rec := httptest.NewRecorder()
		refused := p.Check(target)
		err := p.To(rec, httptest.NewRequest("POST", "/", nil), target)
		if (err == nil) != (refused == nil) {
			t.Fatalf("Check(%q) = %v, To = %v", target, refused, err)
		}
		sent, answered := rec.Header()["Location"]
		if err != nil {
			if rec.Code != http.StatusBadRequest || answered {
				t.Errorf("refused %q with %d and Location %q", target, rec.Code, sent)
			}
			return
		}
		checkSent(t, sent[0])
		for _, location := range []string{target, sent[0]} {
			if got := browserOrigin(ownOrigin, location); !allowed[got] {
				t.Errorf("Check accepts %q, but a browser goes from %q to %q", target, location, got)
			}
		}
	})
}

// To sends the given target, escaped, or responds with 500.
func FuzzTo(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, target string) {
		rec := httptest.NewRecorder()
		err := redirect.To(rec, httptest.NewRequest("GET", "/", nil), target)
		control := strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f })
		if control != (err != nil) || control != (rec.Code == http.StatusInternalServerError) {
			t.Fatalf("To(%q) = %v with status %d", target, err, rec.Code)
		}
		if err != nil {
			return
		}
		sent := rec.Header().Get("Location")
		checkSent(t, sent)
		want := target
		for i := len(want) - 1; i >= 0; i-- {
			if want[i] == ' ' || want[i] > 0x7e {
				want = want[:i] + "%" + strings.ToUpper(url.PathEscape(want[i : i+1])[1:]) + want[i+1:]
			}
		}
		if sent != want || rec.Body.String() != want {
			t.Errorf("To(%q) sent %q with body %q, want %q", target, sent, rec.Body, want)
		}
	})
}

func checkSent(t *testing.T, location string) {
	t.Helper()
	for i := range len(location) {
		if location[i] <= ' ' || location[i] > 0x7e {
			t.Errorf("byte %#x in Location %q", location[i], location)
		}
	}
}
