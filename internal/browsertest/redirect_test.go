package browsertest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
)

// chromium lists where Chromium differs from the URL standard, or from what this test
// allows. Each of these targets is rejected by every check.
var chromium = map[string]struct{ why, landed string }{
	"rs-0110": {"the test has no TLS on port 80", "error: net::ERR_SSL_PROTOCOL_ERROR"},
	"rs-0270": {"a space in a host is escaped, not refused", "https://%20evil.test/"},
	"rs-0367": {"malformed punycode is left to the resolver", "https://xn--app-example/"},
	"rs-0381": {"a space in a host is escaped, not refused", "https://app.example%20/"},
	"rs-0382": {"a space in a host is escaped, not refused", "https://%20app.example/"},
}

// TestRedirectTargets sends a browser to the targets of the vectors, from the page that they
// were resolved against. With To it must arrive where the vectors say, which is off the
// origin for many. With Local it must stay on the origin, and with an AllowList on a listed
// one, for each target that they accept.
func TestRedirectTargets(t *testing.T) {
	data, err := os.ReadFile("../../redirect/testdata/redirect-safety.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Meta struct {
			Base    string
			Origins []string `json:"allowed_origins"`
		}
		Cases []struct {
			ID       string
			Input    struct{ Location string }
			Expected struct{ Browser struct{ Origin string } }
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(file.Meta.Base)
	if err != nil {
		t.Fatal(err)
	}
	own := base.Scheme + "://" + base.Host
	listed := redirect.NewAllowList(file.Meta.Origins...)
	s := open(t)

	// follow makes the browser load the page and returns where that leads, and the
	// error of the redirect.
	follow := func(redirect func(http.ResponseWriter, *http.Request) error) (landed string, err error) {
		for range 3 { // repeat a load that the driver has missed
			result := make(chan error, 1)
			s.next(base.Host, func(w http.ResponseWriter, r *http.Request) { result <- redirect(w, r) })
			if landed = s.visit(file.Meta.Base); landed != noPage {
				return landed, <-result
			}
		}
		return landed, errors.New("no page in three attempts")
	}

	var sent, left, local, allowed int
	for _, v := range file.Cases {
		target := v.Input.Location
		to, err := follow(func(w http.ResponseWriter, r *http.Request) error { return redirect.To(w, r, target) })
		if err == nil {
			sent++
			want := v.Expected.Browser.Origin
			if !strings.HasPrefix(want, "http") {
				want = "" // no page
			}
			if strings.HasPrefix(target, " ") {
				want = own // To escapes the space, which makes the target a relative one
			}
			other, differs := chromium[v.ID]
			switch {
			case differs && (to != other.landed || listed.Check(target) == nil):
				t.Errorf("%s: after To(%q) the browser is at %q, want %q: %s", v.ID, target, to, other.landed, other.why)
			case differs:
			case originOf(to) != want:
				t.Errorf("%s: after To(%q) the browser is at %q, want it at %q", v.ID, target, to, want)
			}
			if originOf(to) != own {
				left++
			}
		}
		t.Logf("%s %.60q: To %s", v.ID, target, short(to))

		if redirect.IsLocal(target) {
			local++
			landed, err := follow(func(w http.ResponseWriter, r *http.Request) error { return redirect.Local(w, r, target, "/fallback") })
			tooLong := len(target) > 8192 // longer than browsers and proxies accept
			if err != nil || originOf(landed) != own || (landed == own+"/fallback") != tooLong {
				t.Errorf("%s: after Local(%q) the browser is at %q, error %v", v.ID, target, landed, err)
			}
		}
		if listed.Check(target) == nil {
			allowed++
			landed, err := follow(func(w http.ResponseWriter, r *http.Request) error { return listed.To(w, r, target) })
			if err != nil || !slices.Contains(file.Meta.Origins, originOf(landed)) {
				t.Errorf("%s: the AllowList allows %q, and the browser is at %q, error %v", v.ID, target, landed, err)
			}
		}
	}
	t.Logf("of %d targets To sent %d, %d of them off the origin; Local accepted %d and an AllowList %d, none of which left",
		len(file.Cases), sent, left, local, allowed)
	if left == 0 {
		t.Error("no target led away: the test proves nothing")
	}
}

// originOf returns the origin of a page, "" for an error. A browser shows addresses
// that net/url rejects.
func originOf(location string) string {
	scheme, rest, _ := strings.Cut(location, "://")
	if scheme != "http" && scheme != "https" {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return scheme + "://" + rest
}

func short(location string) string {
	if len(location) > 80 {
		return location[:80] + "…"
	}
	return location
}
