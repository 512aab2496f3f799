package cookies_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apiece/apiece/cookies"
)

// naive reads a Cookie header by the rules of the package, in the simplest way.
func naive(header string) map[string]string {
	all := map[string]string{}
	for _, piece := range strings.Split(header, ";") {
		name, value, ok := strings.Cut(piece, "=")
		name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
		control := strings.ContainsFunc(piece, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
		if _, seen := all[name]; !ok || name == "" || control || seen {
			continue
		}
		if len(value) >= 2 && strings.HasPrefix(value, `"`) && strings.HasSuffix(value, `"`) {
			value = value[1 : len(value)-1]
		}
		if decoded, err := url.PathUnescape(value); err == nil && utf8.ValidString(decoded) {
			value = decoded
		}
		all[name] = value
	}
	return all
}

// Reading follows the rules, however the header is divided into lines, and All
// and Lookup agree.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"", "a=1", "a=1; a=2", " a = \"b\" ;\tc=%20", "=x;y=", "a=%zz%", "a=%E9", "a={\"x\":1}", "a\x00=b; c=\x7f",
		"a=\"", "a=\"\"", "a=\"%22\"", ";;=;", "__Host-a=1", "a=b=c", "é=é", "a=%", "a=%4", "a=%C3%A9+",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := carrying(header)
		if cookies.Check(r) != nil {
			if len(cookies.All(r)) != 0 {
				t.Fatal("cookies beyond the bounds")
			}
			return
		}
		want := naive(header)
		for _, r := range []*http.Request{r, carrying(strings.Split(header, ";")...)} {
			got := cookies.All(r)
			if !maps.Equal(got, want) {
				t.Errorf("All(%q) = %q, want %q", header, got, want)
			}
			for name, value := range want {
				if v, ok := cookies.Lookup(r, name); v != value || !ok {
					t.Errorf("Lookup(%q, %q) = %q, %v, want %q", header, name, v, ok, value)
				}
			}
			for _, name := range []string{"", "a", header} {
				if _, ok := cookies.Lookup(r, name); ok != (want[name] != "") && !ok {
					t.Errorf("Lookup(%q, %q) finds nothing, All does", header, name)
				}
			}
		}
	})
}

// A cookie is either refused or arrives: the line has exactly the fields, and
// Lookup reads the value that was set.
func FuzzSet(f *testing.F) {
	f.Add("a", "v", "/", "", uint8(0), 0, int64(0))
	f.Add("__Host-a", "é; \"", "/", "", uint8(5), 60, int64(0))
	f.Add("a\r\nX", "v\n", "/;a", "a.com", uint8(255), -1, int64(1<<40))
	f.Add("a", "v", "/ ", "example.com.", uint8(2), 0, int64(253402300800))
	f.Fuzz(func(t *testing.T, name, value, path, domain string, flags uint8, maxAge int, expires int64) {
		c := &http.Cookie{
			Name: name, Value: value, Path: path, Domain: domain, MaxAge: maxAge,
			Quoted: flags&1 != 0, HttpOnly: flags&2 != 0, Secure: flags&4 != 0, Partitioned: flags&8 != 0,
			SameSite: http.SameSite(flags >> 4),
		}
		if expires != 0 {
			c.Expires = time.Unix(expires, 0)
		}
		for what, set := range map[string]func(http.ResponseWriter, *http.Cookie) error{"Set": cookies.Set, "SetRaw": cookies.SetRaw} {
			rec, before := httptest.NewRecorder(), time.Now()
			err := set(rec, c)
			lines := rec.Header()["Set-Cookie"]
			if err != nil {
				if len(rec.Header()) != 0 {
					t.Fatalf("%s refuses %+v and writes %q", what, c, lines)
				}
				continue
			}
			if len(lines) != 1 || len(rec.Header()) != 1 {
				t.Fatalf("%s(%+v) wrote %q", what, c, rec.Header())
			}
			line := lines[0]
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > 0x7e }) {
				t.Errorf("%s(%+v) wrote the bytes %q", what, c, line)
			}
			pair, _, _ := strings.Cut(line, ";")
			if got, ok := cookies.Lookup(carrying(pair), name); what == "Set" && (got != value || !ok) {
				t.Errorf("Set(%q) reads as %q, %v", value, got, ok)
			}
			if len(pair)-1 > 4096 {
				t.Errorf("%s wrote a pair of %d octets", what, len(pair)-1)
			}
			want := map[string]any{}
			for key, value := range map[string]string{"path": path, "domain": strings.TrimPrefix(domain, ".")} {
				if value != "" {
					want[key] = value
				}
			}
			for key, flag := range map[string]bool{"secure": c.Secure, "httponly": c.HttpOnly, "partitioned": c.Partitioned} {
				if flag {
					want[key] = true
				}
			}
			if c.SameSite > http.SameSiteDefaultMode {
				want["samesite"] = [...]string{"Lax", "Strict", "None"}[c.SameSite-http.SameSiteLaxMode]
			}
			if maxAge != 0 {
				want["max-age"] = strconv.Itoa(min(max(maxAge, 0), 400*24*60*60))
			}
			if expires != 0 {
				want["expires"] = c.Expires.UTC().Format(http.TimeFormat)
			}
			if most := before.Add(400 * 24 * time.Hour); c.Expires.After(most) {
				got, err := http.ParseTime(fmt.Sprint(attributes(line)["expires"]))
				if last := time.Now().Add(400 * 24 * time.Hour); err != nil || got.Before(most.Add(-time.Second)) || got.After(last) && c.Expires.After(last) {
					t.Errorf("%s(%+v) wrote %q", what, c, line)
				}
				want["expires"] = attributes(line)["expires"]
			}
			if got := attributes(line); !maps.Equal(got, want) {
				t.Errorf("%s(%+v) wrote %q, which reads as %v", what, c, line, got)
			}
		}
	})
}

// attributes reads a Set-Cookie line as browsers do (RFC 6265, section 5.2).
func attributes(line string) map[string]any {
	attrs := map[string]any{}
	_, rest, _ := strings.Cut(line, ";")
	for attr := range strings.SplitSeq(rest, ";") {
		key, value, valued := strings.Cut(attr, "=")
		key = strings.ToLower(strings.Trim(key, " \t"))
		switch {
		case valued:
			attrs[key] = strings.Trim(value, " \t")
		case key != "":
			attrs[key] = true
		}
	}
	return attrs
}

// Only sealed or signed values open.
func FuzzOpen(f *testing.F) {
	signer, sealer := cookies.NewSigner(key32('a')), cookies.NewSealer(key32('a'))
	for _, p := range []protector{signer, sealer} {
		genuine := strings.TrimPrefix(set(f, p, &http.Cookie{Name: "other", Value: "v"}), "other=")
		f.Add(genuine)
		f.Add(genuine[1:])
	}
	f.Add("v.1.")
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		r := carrying("n=" + text)
		if v, ok := signer.Lookup(r, "n"); ok {
			t.Errorf("the signer accepts %q as %q", text, v)
		}
		if v, ok := sealer.Lookup(r, "n"); ok {
			t.Errorf("the sealer opens %q as %q", text, v)
		}
	})
}
