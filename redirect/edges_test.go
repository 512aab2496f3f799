package redirect_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
)

// TestLocalLongTarget: no browser accepts such a location, and sending it would
// triple the bytes that the client sent.
func TestLocalLongTarget(t *testing.T) {
	const origin = "https://a.example/"
	p := redirect.NewAllowList("https://a.example")
	for _, tt := range []struct {
		target string
		ok     bool
	}{
		{"/" + strings.Repeat("a", 8191), true},
		{"/" + strings.Repeat("a", 8192), false},
		{"/" + strings.Repeat("\u00e9", 5000), false},
		{"/" + strings.Repeat("a", 1<<20), false},
		{origin + strings.Repeat("a", 8192-len(origin)), true},
		{origin + strings.Repeat("a", 8193-len(origin)), false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if strings.HasPrefix(tt.target, "/") {
			want := "/home"
			if tt.ok {
				want = tt.target
			}
			w := httptest.NewRecorder()
			if err := redirect.Local(w, r, tt.target, "/home"); err != nil {
				t.Fatal(err)
			}
			if got := w.Header().Get("Location"); got != want {
				t.Errorf("Local, %d bytes: Location of %d bytes, want %d", len(tt.target), len(got), len(want))
			}
		}
		w := httptest.NewRecorder()
		err := p.To(w, r, tt.target)
		location, sent := w.Header()["Location"]
		var refused *redirect.Error
		switch {
		case tt.ok && (err != nil || location[0] != tt.target):
			t.Errorf("To, %d bytes: %v", len(tt.target), err)
		case !tt.ok && (!errors.As(err, &refused) || refused.Offset != 8192 || w.Code != 400 || sent || w.Body.Len() > 1000):
			t.Errorf("To, %d bytes: %v, %d with a Location: %t", len(tt.target), err, w.Code, sent)
		}
		if (p.Check(tt.target) == nil) != tt.ok {
			t.Errorf("Check, %d bytes: %v", len(tt.target), p.Check(tt.target))
		}
	}
}

// TestAllowListTwoPorts: URL parsers disagree about an authority with two ports, so it
// is never a listed one.
func TestAllowListTwoPorts(t *testing.T) {
	p := redirect.NewAllowList("https://a.example:8443", "https://b.example", "http://[::1]")
	for target, ok := range map[string]bool{
		"https://a.example:8443/":     true,
		"https://a.example:8443:443/": false,
		"https://b.example:443/":      true,
		"https://b.example:443:443/":  false,
		"http://[::1]:80/":            true,
	} {
		if err := p.Check(target); (err == nil) != ok {
			t.Errorf("Check(%s) = %v", target, err)
		}
	}
}
