package cookies_test

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/cookies"
)

func key32(c byte) []byte { return bytes.Repeat([]byte{c}, 32) }

// protector is the common interface of Signer and Sealer.
type protector interface {
	Set(http.ResponseWriter, *http.Cookie) error
	Lookup(*http.Request, string) (string, bool)
}

// protectors are the constructors of both.
var protectors = map[string]func(keys ...[]byte) protector{
	"Signer": func(keys ...[]byte) protector { return cookies.NewSigner(keys...) },
	"Sealer": func(keys ...[]byte) protector { return cookies.NewSealer(keys...) },
}

// set returns the cookie that a browser would send after p has set c.
func set(t testing.TB, p protector, c *http.Cookie) string {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := p.Set(rec, c); err != nil {
		t.Fatal(err)
	}
	pair, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	return pair
}

func TestProtectorRoundTrip(t *testing.T) {
	for name, construct := range protectors {
		p := construct(key32('a'))
		for _, value := range []string{"", "x", "a.b.c", "..", "1.2", `{"user":7,"roles":["a","b"]}`, "é€\x00\n;,\"", strings.Repeat("v", 2900)} {
			pair := set(t, p, &http.Cookie{Name: "n", Value: value})
			if got, ok := p.Lookup(carrying("n=first wins elsewhere; "+pair), "n"); got != value || !ok {
				t.Errorf("%s: %q came back as %q, %v", name, value, got, ok)
			}
			if got, ok := p.Lookup(carrying(pair), "m"); ok {
				t.Errorf("%s: found %q under another name", name, got)
			}
		}
	}
}

func TestSignerValueIsReadable(t *testing.T) {
	pair := set(t, cookies.NewSigner(key32('a')), &http.Cookie{Name: "n", Value: "plain text"})
	if got, _ := cookies.Lookup(carrying(pair), "n"); !strings.HasPrefix(got, "plain text..") {
		t.Errorf("the signed value is %q", got)
	}
}

func TestSealerValueIsNot(t *testing.T) {
	p := cookies.NewSealer(key32('a'))
	one := set(t, p, &http.Cookie{Name: "n", Value: "plain text"})
	two := set(t, p, &http.Cookie{Name: "n", Value: "plain text"})
	if one == two {
		t.Error("the same value is sealed the same way twice")
	}
	if strings.Contains(one, "plain") {
		t.Errorf("the sealed value is %q", one)
	}
}

// A cookie with one byte changed, removed or added counts as absent, as does
// every other spelling of the same bytes.
func TestProtectorHasOneText(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	for name, construct := range protectors {
		p := construct(key32('a'))
		for _, value := range []string{"", "r", "ro", "role-user", "é %"} { // of every length modulo 3
			pair := set(t, p, &http.Cookie{Name: "n", Value: value, MaxAge: 60})
			text := strings.TrimPrefix(pair, "n=")
			if got, ok := p.Lookup(carrying(pair), "n"); !ok || got != value {
				t.Fatalf("%s: %q is %q, %v", name, text, got, ok)
			}
			var changed []string
			for i := range len(text) {
				for _, c := range []byte(alphabet) {
					if c != text[i] {
						changed = append(changed, text[:i]+string(c)+text[i+1:])
					}
				}
				for _, more := range []string{".", "A", "%0A", "%0D", "%0a", "%0D%0A", "%20", "%09", "%00", " ", "\t", "%3D", "=", "+"} {
					changed = append(changed, text[:i]+more+text[i:])
				}
				changed = append(changed, text[:i], text[:i]+text[i+1:],
					text[:i]+fmt.Sprintf("%%%02X", text[i])+text[i+1:], text[:i]+fmt.Sprintf("%%%02x", text[i])+text[i+1:])
			}
			for _, end := range []string{"A", "=", "==", "%3D", "%3D%3D", ".", "%0A", "%0D%0A", "%00", text} {
				changed = append(changed, text+end)
			}
			changed = append(changed, "A"+text, "%0A"+text, "", ".", "..", strings.ToLower(text), strings.ToUpper(text))
			for _, c := range changed {
				if c == text || c == " "+text || c == "\t"+text { // surrounding space is not part of a cookie
					continue
				}
				if got, ok := p.Lookup(carrying("n="+c), "n"); ok {
					t.Errorf("%s: %q is accepted beside %q, as %q", name, c, text, got)
				}
			}
		}
	}
}

func TestProtectorBindsName(t *testing.T) {
	for name, construct := range protectors {
		p := construct(key32('a'))
		pair := set(t, p, &http.Cookie{Name: "guest", Value: "7"})
		moved := "admin" + strings.TrimPrefix(pair, "guest")
		if got, ok := p.Lookup(carrying(moved), "admin"); ok {
			t.Errorf("%s: a cookie moved to another name reads as %q", name, got)
		}
	}
}

func TestProtectorKeyRotation(t *testing.T) {
	oldKey, newKey := key32('o'), key32('n')
	for name, construct := range protectors {
		before, during, after := construct(oldKey), construct(newKey, oldKey), construct(newKey)
		fromOld := carrying(set(t, before, &http.Cookie{Name: "n", Value: "v"}))
		fromNew := carrying(set(t, during, &http.Cookie{Name: "n", Value: "v"}))
		for _, test := range []struct {
			why  string
			p    protector
			r    *http.Request
			want bool
		}{
			{"the old key still opens", during, fromOld, true},
			{"until it is dropped", after, fromOld, false},
			{"the first key is the one that seals", after, fromNew, true},
			{"and not the second", before, fromNew, false},
		} {
			if _, ok := test.p.Lookup(test.r, "n"); ok != test.want {
				t.Errorf("%s: %s: ok = %v", name, test.why, ok)
			}
		}
	}
}

func TestProtectorKeysAreFrozen(t *testing.T) {
	for name, construct := range protectors {
		key := key32('a')
		p := construct(key)
		pair := set(t, p, &http.Cookie{Name: "n", Value: "v"})
		clear(key)
		if _, ok := p.Lookup(carrying(pair), "n"); !ok {
			t.Errorf("%s: a change to the caller's key was noticed", name)
		}
	}
}

func TestProtectorKeyPanics(t *testing.T) {
	for name, construct := range protectors {
		for _, test := range []struct {
			why  string
			keys [][]byte
			want []string
		}{
			{"no key", nil, []string{"no key"}},
			{"short", [][]byte{key32('s')[:31]}, []string{"key 0 has 31 bytes"}},
			{"every fault is listed", [][]byte{{}, key32('s'), []byte("sss")}, []string{"key 0 has 0 bytes", "key 2 has 3 bytes"}},
		} {
			func() {
				defer func() {
					text := fmt.Sprint(recover())
					for _, want := range test.want {
						if !strings.Contains(text, want) {
							t.Errorf("%s, %s: panic %q does not mention %q", name, test.why, text, want)
						}
					}
					if strings.Contains(text, "sss") {
						t.Errorf("%s, %s: panic %q shows a key", name, test.why, text)
					}
				}()
				construct(test.keys...)
			}()
		}
	}
}

func TestProtectorExpires(t *testing.T) {
	for name, construct := range protectors {
		p := construct(key32('a'))
		for _, test := range []struct {
			why  string
			c    http.Cookie
			life time.Duration // 0 means forever
		}{
			{"without an expiry", http.Cookie{}, 0},
			{"MaxAge", http.Cookie{MaxAge: 60}, time.Minute},
			{"Expires", http.Cookie{Expires: time.Date(2000, 1, 1, 0, 2, 0, 0, time.UTC)}, 2 * time.Minute},
			{"MaxAge goes before Expires, as in browsers", http.Cookie{MaxAge: 60, Expires: time.Date(2000, 1, 1, 0, 2, 0, 0, time.UTC)}, time.Minute},
			{"deleted at once", http.Cookie{MaxAge: -1}, time.Nanosecond},
			{"deleted by a date", http.Cookie{Expires: time.Unix(0, 0)}, time.Nanosecond},
			{"deleted at the epoch", http.Cookie{MaxAge: -946684800}, time.Nanosecond},
			{"capped as in browsers", http.Cookie{MaxAge: math.MaxInt}, 400 * 24 * time.Hour},
			{"capped by a date", http.Cookie{Expires: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}, 400 * 24 * time.Hour},
		} {
			synctest.Test(t, func(t *testing.T) {
				test.c.Name = "n"
				r := carrying(set(t, p, &test.c))
				if test.life > time.Second {
					time.Sleep(test.life - time.Nanosecond)
					if _, ok := p.Lookup(r, "n"); !ok {
						t.Errorf("%s, %s: gone before its time", name, test.why)
					}
					time.Sleep(time.Nanosecond)
				}
				if test.life == 0 {
					time.Sleep(10 * 365 * 24 * time.Hour)
				}
				if _, ok := p.Lookup(r, "n"); ok != (test.life == 0) {
					t.Errorf("%s, %s: after %v ok = %v", name, test.why, test.life, ok)
				}
			})
		}
	}
}

// A subdomain can plant a cookie before the valid one, but not hide it.
func TestProtectorSkipsPlantedCookies(t *testing.T) {
	for name, construct := range protectors {
		p := construct(key32('a'))
		pair := set(t, p, &http.Cookie{Name: "n", Value: "v"})
		if got, ok := p.Lookup(carrying("n=planted", "n=..; "+pair), "n"); got != "v" || !ok {
			t.Errorf("%s: Lookup = %q, %v", name, got, ok)
		}
	}
}

func TestProtectorRefuses(t *testing.T) {
	for name, construct := range protectors {
		p := construct(key32('a'))
		for why, c := range map[string]*http.Cookie{
			"nil":         nil,
			"bad name":    {Name: "a;b"},
			"too long":    {Name: "n", Value: strings.Repeat("v", 4090)},
			"bad surplus": {Name: "__Host-n"},
		} {
			rec := httptest.NewRecorder()
			if err := p.Set(rec, c); err == nil || len(rec.Header()) != 0 {
				t.Errorf("%s, %s: Set = %v with headers %q", name, why, err, rec.Header())
			}
		}
	}
}
