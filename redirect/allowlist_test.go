package redirect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
)

func TestAllowListCheck(t *testing.T) {
	for _, test := range []struct {
		why    string
		list   string // space between origins
		target string
		ok     bool
	}{
		{"nothing listed: local", "", "/a", true},
		{"nothing listed: elsewhere", "", "https://a.example/", false},
		{"bare origin", "https://a.example", "https://a.example", true},
		{"path, query and fragment", "https://a.example", "https://a.example/x//y?u=https://b#@c", true},
		{"query without a path", "https://a.example", "https://a.example?x", true},
		{"letter case of scheme and host", "https://a.example", "HTTPS://A.Example/", true},
		{"letter case in the list", "HTTPS://A.Example", "https://a.example/", true},
		{"default port in the target", "https://a.example", "https://a.example:443/", true},
		{"default port in the list", "http://a.example:80", "http://a.example/", true},
		{"the other default port", "https://a.example", "https://a.example:80/", false},
		{"another port", "https://a.example:8443", "https://a.example/", false},
		{"the same port with a zero", "https://a.example:8443", "https://a.example:08443/", false},
		{"another scheme", "https://a.example", "http://a.example/", false},
		{"no subdomain", "https://a.example", "https://b.a.example/", false},
		{"no longer host", "https://a.example", "https://a.example.evil.test/", false},
		{"no trailing dot", "https://a.example", "https://a.example./", false},
		{"userinfo in front of a listed host", "https://a.example", "https://u@a.example/", false},
		{"listed host as userinfo", "https://a.example", "https://a.example@evil.test/", false},
		{"backslash ends the host in a browser", "https://a.example", `https://evil.test\@a.example/`, false},
		{"backslash in the path", "https://a.example", `https://a.example/\evil.test`, false},
		{"space in the path", "https://a.example", "https://a.example/a b", false},
		{"outside ASCII in the path", "https://a.example", "https://a.example/é", true},
		{"dot that is none", "https://a.example", "https://a。example/", false},
		{"Kelvin sign for k", "https://k.example", "https://\u212a.example/", false},
		{"escaped host", "https://a.example", "https://%61.example/", false},
		{"without a scheme", "https://a.example", "//a.example/", false},
		{"without slashes", "https://a.example", "https:a.example", false},
		{"one slash too many", "https://a.example", "https:///a.example", false},
		{"IPv6", "http://[2001:db8::1]:8080", "http://[2001:DB8::1]:8080/", true},
		{"relative", "https://a.example", "a", false},
		{"empty", "https://a.example", "", false},
	} {
		p := redirect.NewAllowList(strings.Fields(test.list)...)
		err := p.Check(test.target)
		if (err == nil) != test.ok {
			t.Errorf("%s: Check(%q) with %q = %v", test.why, test.target, test.list, err)
		}
		var e *redirect.Error
		if err != nil && (!errors.As(err, &e) || e.StatusCode() != 400 || e.Target != test.target) {
			t.Errorf("%s: error %#v", test.why, err)
		}
	}
	var zero redirect.AllowList
	if zero.Check("/a") != nil || zero.Check("https://a.example/") == nil {
		t.Error("the zero AllowList does not allow what is local and nothing else")
	}
}

func TestNewAllowListPanics(t *testing.T) {
	for _, test := range []struct {
		why, origin string
		ok          bool
	}{
		{"plain", "https://a.example", true},
		{"port", "http://localhost:3000", true},
		{"IPv4", "http://127.0.0.1:3000", true},
		{"IPv6", "http://[::1]", true},
		{"punycode", "https://xn--bcher-kva.example", true},
		{"underscore", "https://my_host.example", true},
		{"empty", "", false},
		{"no scheme", "a.example", false},
		{"a scheme without origins", "javascript://a.example", false},
		{"an app", "myapp://callback", false},
		{"no host", "https://", false},
		{"only a port", "https://:443", false},
		{"path", "https://a.example/", false},
		{"query", "https://a.example?x", false},
		{"userinfo", "https://u@a.example", false},
		{"pattern", "https://*.a.example", false},
		{"outside ASCII", "https://bücher.example", false},
		{"escape", "https://%61.example", false},
		{"backslash", `https://a.example\`, false},
		{"space", "https://a.example ", false},
		{"port zero", "https://a.example:0", false},
		{"port with a zero", "https://a.example:0443", false},
		{"port with a sign", "https://a.example:+443", false},
		{"port too high", "https://a.example:65536", false},
		{"no port after the colon", "https://a.example:", false},
		{"brackets left open", "https://[::1", false},
		{"brackets around a name", "https://[a.example]", false},
		{"text after brackets", "https://[::1]x", false},
	} {
		func() {
			defer func() {
				err, panicked := recover().(error)
				if panicked == test.ok {
					t.Errorf("%s: NewAllowList(%q) panicked: %v", test.why, test.origin, err)
				}
				if panicked && !strings.Contains(err.Error(), fmt.Sprintf("%q", test.origin)) {
					t.Errorf("%s: panic does not name the origin: %v", test.why, err)
				}
			}()
			redirect.NewAllowList(test.origin)
		}()
	}

	defer func() {
		text := fmt.Sprint(recover())
		if !strings.Contains(text, `"one"`) || !strings.Contains(text, `"two"`) {
			t.Errorf("the panic does not list everything: %s", text)
		}
	}()
	redirect.NewAllowList("https://a.example", "one", "two")
}
