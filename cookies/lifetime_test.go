package cookies_test

import (
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/cookies"
)

// TestSetCapsLifetimes: the lifetime of a cookie is capped equally in the attributes
// and in the sealed value, by MaxAge and by Expires.
func TestSetCapsLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the year 2000
		const last = "Sun, 04 Feb 2001 00:00:00 GMT"
		for _, test := range []struct {
			c    http.Cookie
			want string
		}{
			{http.Cookie{MaxAge: 60}, "Max-Age=60"},
			{http.Cookie{MaxAge: 400 * 24 * 60 * 60}, "Max-Age=34560000"},
			{http.Cookie{MaxAge: 400*24*60*60 + 1}, "Max-Age=34560000"},
			{http.Cookie{MaxAge: math.MaxInt}, "Max-Age=34560000"},
			{http.Cookie{MaxAge: -1}, "Max-Age=0"},
			{http.Cookie{Expires: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)}, "Expires=Sun, 02 Jan 2000 00:00:00 GMT"},
			{http.Cookie{Expires: time.Date(2001, 2, 4, 0, 0, 0, 0, time.UTC)}, "Expires=" + last},
			{http.Cookie{Expires: time.Date(2001, 2, 4, 0, 0, 1, 0, time.UTC)}, "Expires=" + last},
			{http.Cookie{Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, "Expires=" + last},
			{http.Cookie{MaxAge: math.MaxInt, Expires: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}, "Expires=" + last + "; Max-Age=34560000"},
			{http.Cookie{Expires: time.Unix(0, 0)}, "Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
		} {
			test.c.Name = "n"
			given := test.c
			for name, set := range map[string]func(http.ResponseWriter, *http.Cookie) error{
				"Set": cookies.Set, "SetRaw": cookies.SetRaw,
				"Signer": cookies.NewSigner(key32('a')).Set, "Sealer": cookies.NewSealer(key32('a')).Set,
			} {
				rec := httptest.NewRecorder()
				if err := set(rec, &test.c); err != nil {
					t.Fatal(err)
				}
				if _, got, _ := strings.Cut(rec.Header().Get("Set-Cookie"), "; "); got != test.want {
					t.Errorf("%s: %q, want %q", name, got, test.want)
				}
				if test.c.MaxAge != given.MaxAge || !test.c.Expires.Equal(given.Expires) {
					t.Errorf("%s has changed the cookie of its caller", name)
				}
			}
		}
	})
}
