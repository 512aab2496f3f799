package redirect_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// browserOrigin returns the origin of a browser after it follows location from a
// page of the https origin base. It is written from the states of the basic URL
// parser in the URL standard, not from the package under test. Failures in the
// sense of the standard, and opaque origins, are "".
//
// Hosts are compared, not looked up, so two steps are omitted, which makes the
// result stricter: a host outside ASCII counts as foreign (no IDNA), as does one
// that spells an IP address in another way.
func browserOrigin(base, location string) string {
	s := strings.Trim(location, c0OrSpace)
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)

	scheme, rest, ok := cutScheme(s)
	switch {
	case !ok: // relative state
		return afterRelative(base, s)
	case scheme == "https" && !strings.HasPrefix(rest, "//"): // special relative or authority state
		return afterRelative(base, rest)
	case scheme == "http", scheme == "https", scheme == "ws", scheme == "wss", scheme == "ftp":
		return authority(scheme, strings.TrimLeft(rest, `/\`))
	}
	return "" // file and everything not special
}

var c0OrSpace = func() string {
	var b strings.Builder
	for c := byte(0); c <= ' '; c++ {
		b.WriteByte(c)
	}
	return b.String()
}()

// cutScheme is the scheme start state and the scheme state.
func cutScheme(s string) (scheme, rest string, ok bool) {
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		case i > 0 && s[i] == ':':
			return strings.ToLower(s[:i]), s[i+1:], true
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// afterRelative is the relative state and the relative slash state.
func afterRelative(base, s string) string {
	if len(s) >= 2 && strings.ContainsRune(`/\`, rune(s[0])) && strings.ContainsRune(`/\`, rune(s[1])) {
		return authority("https", strings.TrimLeft(s, `/\`))
	}
	return base
}

// authority is the states from the special authority ignore slashes state to the
// port state.
func authority(scheme, s string) string {
	if i := strings.IndexAny(s, `/\?#`); i >= 0 {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	if decoded, err := url.PathUnescape(host); err == nil {
		host = decoded
	}
	if strings.HasPrefix(host, "[") && !strings.HasSuffix(host, "]") {
		return ""
	}
	if host == "" || !strings.HasPrefix(host, "[") && strings.ContainsAny(host, "\x00\t\n\r #/:<>?@[\\]^|%\x7f") {
		return ""
	}
	for i := range len(host) {
		if host[i] < ' ' {
			return ""
		}
	}
	origin := scheme + "://" + strings.ToLower(host)
	if port == "" {
		return origin
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	if def := map[string]uint64{"http": 80, "ws": 80, "https": 443, "wss": 443, "ftp": 21}[scheme]; n == def {
		return origin
	}
	return origin + ":" + strconv.FormatUint(n, 10)
}

// Compares the parser above with the results of a real one.
func TestBrowserOrigin(t *testing.T) {
	var file struct {
		Cases []struct {
			ID       string
			Input    struct{ Location string }
			Expected struct {
				Browser struct{ Origin, Protocol string }
				Same    bool `json:"browser_same_origin"`
			}
		}
	}
	testkit.ReadJSON(t, "redirect-safety.json", &file)
	const base = "https://app.example"
	for _, v := range file.Cases {
		got := browserOrigin(base, v.Input.Location)
		if got == base && !v.Expected.Same {
			t.Errorf("%s: %q is taken for same-origin", v.ID, v.Input.Location)
		}
		want := v.Expected.Browser.Origin
		if want == "null" || v.Expected.Browser.Protocol == "file:" {
			want = ""
		}
		if got == want || strings.ContainsFunc(got, func(r rune) bool { return r > 0x7e }) {
			continue
		}
		switch v.Input.Location {
		case "https://127.1/", "https://2130706433/", "https://xn--app-example/": // no IP addresses, no IDNA
			continue
		}
		t.Errorf("%s: %q leads to %q, want %q", v.ID, v.Input.Location, got, want)
	}
}
