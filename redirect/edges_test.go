package redirect_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
)

// TestLongTarget: a location that no browser takes is no use, and answering with
// it would send back three times what the client sent.
func TestLongTarget(t *testing.T) {
	for _, tt := range []struct {
		target string
		want   string
	}{
		{"/" + strings.Repeat("a", 8191), "/" + strings.Repeat("a", 8191)},
		{"/" + strings.Repeat("a", 8192), "/home"},
		{"/" + strings.Repeat("\u00e9", 5000), "/home"},
	} {
		w := httptest.NewRecorder()
		if err := redirect.Local(w, httptest.NewRequest("GET", "/", nil), tt.target, "/home"); err != nil {
			t.Fatal(err)
		}
		if got := w.Header().Get("Location"); got != tt.want {
			t.Errorf("%d bytes: Location of %d bytes, want %d", len(tt.target), len(got), len(tt.want))
		}
	}
}

// TestTwoPorts: readers of URLs disagree about what an authority with two ports
// means, so it is never a listed one.
func TestTwoPorts(t *testing.T) {
	p := redirect.NewPolicy("https://a.example:8443", "https://b.example", "http://[::1]")
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
