package redirect_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/redirect"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestRedirectResponses(t *testing.T) {
	for _, test := range []struct {
		why      string
		call     func(http.ResponseWriter, *http.Request) error
		method   string
		status   int
		location string
	}{
		{"307 is Next's default", to("/login"), "GET", 307, "/login"},
		{"and stays it after POST", to("/login"), "POST", 307, "/login"},
		{"absolute", to("https://example.com/x?y=1#z"), "GET", 307, "https://example.com/x?y=1#z"},
		{"relative targets are not resolved", to("../x"), "GET", 307, "../x"},
		{"dot segments are not cleaned", to("/a/./b//../c"), "GET", 307, "/a/./b//../c"},
		{"empty", to(""), "GET", 307, ""},
		{"no check of the host: that is Next's freedom", to("//elsewhere.example"), "GET", 307, "//elsewhere.example"},
		{"spaces", to("/a b"), "GET", 307, "/a%20b"},
		{"outer spaces: net/http would cut them", to(" /a "), "GET", 307, "%20/a%20"},
		{"outside ASCII, in upper case", to("/é€"), "GET", 307, "/%C3%A9%E2%82%AC"},
		{"bytes that are not UTF-8", to("/\xff"), "GET", 307, "/%FF"},
		{"escapes stay", to("/caf%C3%A9%2f"), "GET", 307, "/caf%C3%A9%2f"},
		{"markup stays, as text", to("/?<script>alert(1)</script>"), "GET", 307, "/?<script>alert(1)</script>"},
		{"lowest code", code(300, "/a"), "GET", 300, "/a"},
		{"See Other", code(303, "/a"), "POST", 303, "/a"},
		{"highest code", code(399, "/a"), "GET", 399, "/a"},
		{"local", local("/a?b#c", "/"), "GET", 307, "/a?b#c"},
		{"local after a form", local("/a", "/"), "POST", 303, "/a"},
		{"local after HEAD", local("/a", "/"), "HEAD", 307, "/a"},
		{"local after a method of one's own", local("/a", "/"), "BREW", 303, "/a"},
		{"fallback", local("//evil.test", "/home"), "GET", 307, "/home"},
		{"fallback for nothing", local("", "/home"), "DELETE", 303, "/home"},
		{"local and escaped", local("/日本 x", "/"), "GET", 307, "/%E6%97%A5%E6%9C%AC%20x"},
		{"allow list", listed("https://A.example:443/x"), "GET", 307, "https://A.example:443/x"},
	} {
		testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Length", "9999")
				w.Header().Set("Content-Encoding", "gzip")
				w.Header().Set("X-Kept", "yes")
				if err := test.call(w, r); err != nil {
					t.Errorf("%s: %v", test.why, err)
				}
			})
			resp := tr.Do(t, handler, httptest.NewRequest(test.method, "/dir/page", nil))
			if resp.StatusCode != test.status || len(resp.Header["Location"]) != 1 || resp.Header.Get("Location") != test.location {
				t.Errorf("%s: %d to %q, want %d to %q", test.why, resp.StatusCode, resp.Header["Location"], test.status, test.location)
			}
			wantBody := test.location
			if test.method == "HEAD" {
				wantBody = ""
			}
			if got := testkit.Body(t, resp); got != wantBody {
				t.Errorf("%s: body %q, want %q", test.why, got, wantBody)
			}
			for name, want := range map[string]string{
				"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff",
				"Content-Encoding": "", "X-Kept": "yes", "Refresh": "",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", test.why, name, got, want)
				}
			}
		})
	}
}

func to(target string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return redirect.To(w, r, target) }
}

func code(code int, target string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return redirect.Code(w, r, code, target) }
}

func local(target, fallback string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return redirect.Local(w, r, target, fallback) }
}

func listed(target string) func(http.ResponseWriter, *http.Request) error {
	p := redirect.NewAllowList("https://a.example")
	return func(w http.ResponseWriter, r *http.Request) error { return p.To(w, r, target) }
}

func TestCode304HasNoBody(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := redirect.Code(w, r, 304, "/a"); err != nil {
				t.Error(err)
			}
		})
		resp := tr.Do(t, handler, httptest.NewRequest("GET", "/", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 304 || body != "" {
			t.Errorf("%d with body %q", resp.StatusCode, body)
		}
	})
}

func TestRedirectRefused(t *testing.T) {
	for _, test := range []struct {
		why    string
		call   func(http.ResponseWriter, *http.Request) error
		status int
		offset int
	}{
		{"net/http panics on 0", code(0, "/a"), 500, 0},
		{"and on 99", code(99, "/a"), 500, 0},
		{"negative", code(-307, "/a"), 500, 0},
		{"a 200 with a Location leads nowhere", code(200, "/a"), 500, 0},
		{"one below", code(299, "/a"), 500, 0},
		{"one above", code(400, "/a"), 500, 0},
		{"net/http panics on 1000", code(1000, "/a"), 500, 0},
		{"header injection", to("/a\r\nX: y"), 500, 2},
		{"newline", to("/a\nb"), 500, 2},
		{"a tab disappears in browsers", to("/\t/evil.test"), 500, 1},
		{"NUL", to("/ok\x00"), 500, 3},
		{"DEL", to("/ok\x7f"), 500, 3},
		{"local with a fallback elsewhere", local("/a", "//evil.test"), 500, 1},
		{"local with an absolute fallback", local("/a", "https://a.example/"), 500, 0},
		{"local without a fallback", local("/a", ""), 500, 0},
		{"allow list: host not listed", listed("https://evil.test/"), 400, 0},
		{"allow list: not even a URL", listed("evil"), 400, 0},
		{"allow list: control byte", listed("https://a.example/\n"), 400, 18},
	} {
		testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
			var err error
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Kept", "yes")
				w.Header().Set("Content-Length", "9999")
				err = test.call(w, r)
			})
			resp := tr.Do(t, handler, httptest.NewRequest("GET", "/", nil))
			body := testkit.Body(t, resp)
			var e *redirect.Error
			switch {
			case !errors.As(err, &e):
				t.Fatalf("%s: error is %v, want an *Error", test.why, err)
			case e.StatusCode() != test.status || e.Offset != test.offset:
				t.Errorf("%s: status %d, offset %d: %v", test.why, e.StatusCode(), e.Offset, e)
			case strings.ContainsAny(e.Error(), "\r\n\t\x00"):
				t.Errorf("%s: raw bytes of the target in the log: %q", test.why, e.Error())
			}
			if resp.StatusCode != test.status || resp.Header.Get("Location") != "" {
				t.Errorf("%s: answered %d with Location %q", test.why, resp.StatusCode, resp.Header.Get("Location"))
			}
			if body == "" || strings.Contains(body, "evil") {
				t.Errorf("%s: body is %q", test.why, body)
			}
			if resp.Header.Get("X-Kept") != "yes" {
				t.Errorf("%s: a header set outside is gone", test.why)
			}
		})
	}
}

func TestRedirectAfterHeader(t *testing.T) {
	for name, call := range map[string]func(http.ResponseWriter, *http.Request) error{
		"accepted": to("/a"), "refused": code(200, "/a"),
	} {
		rec, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		_, w := response.Wrap(rec, r)
		w.WriteHeader(http.StatusAccepted)
		err := call(w, r)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if rec.Code != http.StatusAccepted || rec.Body.Len() != 0 || len(rec.Result().Header) != 0 {
			t.Errorf("%s: wrote %d %q", name, rec.Code, rec.Body)
		}
	}
}

func TestSafetyVectors(t *testing.T) {
	type vector struct {
		Input    struct{ Location string }
		Expected struct {
			Browser struct{ Origin string }
			Same    bool   `json:"browser_same_origin"`
			Local   string `json:"kit_local"`
			List    string `json:"kit_allowlist"`
		}
	}
	var file struct {
		Meta struct {
			Base           string
			AllowedOrigins []string `json:"allowed_origins"`
		}
	}
	testkit.ReadJSON(t, "redirect-safety.json", &file)
	base, err := url.Parse(file.Meta.Base)
	if err != nil {
		t.Fatal(err)
	}
	origin := base.Scheme + "://" + base.Host
	p := redirect.NewAllowList(file.Meta.AllowedOrigins...)
	verdict := func(got bool, want string) error {
		if got != (want == "allow") {
			return fmt.Errorf("allowed %v, want %s", got, want)
		}
		return nil
	}

	lists := testkit.Vectors[vector](t, "redirect-safety.json", "kit_allowlist")
	for i, local := range testkit.Vectors[vector](t, "redirect-safety.json", "kit_local") {
		v, list := local.Case, lists[i]
		id, target := local.ID, v.Input.Location
		isLocal, allowed := redirect.IsLocal(target), p.Check(target) == nil
		local.Settle(verdict(isLocal, v.Expected.Local))
		list.Settle(verdict(allowed, v.Expected.List))
		if list.Excepts("") != nil && allowed {
			t.Errorf("%s: Check(%q) is not the stricter one", id, target)
		}

		// For all verdicts: no accepted target leaves the origin.
		if isLocal && !v.Expected.Same {
			t.Errorf("%s: IsLocal(%q), but a browser goes to %s", id, target, v.Expected.Browser.Origin)
		}
		if allowed && v.Expected.Browser.Origin != file.Meta.AllowedOrigins[0] && v.Expected.Browser.Origin != file.Meta.AllowedOrigins[1] {
			t.Errorf("%s: Check accepts %q, but a browser goes to %q", id, target, v.Expected.Browser.Origin)
		}

		// Targets that Local sends resolve to the origin in net/url too.
		rec := httptest.NewRecorder()
		if err := redirect.Local(rec, httptest.NewRequest("GET", file.Meta.Base, nil), target, "/"); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		sent := rec.Header().Get("Location")
		u, err := base.Parse(sent)
		if strings.Contains(strings.ToLower(target), "%") && err != nil {
			continue // net/url refuses malformed escapes, which browsers follow
		}
		if err != nil || u.Scheme+"://"+u.Host != origin {
			t.Errorf("%s: Local sent %q, which resolves to %v, %v", id, sent, u, err)
		}
		for i := range len(sent) {
			if sent[i] <= ' ' || sent[i] > 0x7e {
				t.Errorf("%s: byte %#x in Location %q", id, sent[i], sent)
			}
		}
		if !isLocal && sent != "/" {
			t.Errorf("%s: Local sent %q, want the fallback", id, sent)
		}
	}
}

// A refusal has the format that the handler has for its errors.
func TestRefusalUsesOnErrorOfHandler(t *testing.T) {
	for _, test := range []struct {
		call   func(http.ResponseWriter, *http.Request) error
		status int
		body   string
	}{
		{to("/\n"), 500, "Internal Server Error"},
		{listed("https://evil.test/"), 400, "Redirect target not allowed"},
	} {
		rw, w := response.Wrap(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		r := exchange.WithDefaults(nil, httptest.NewRequest("GET", "/", nil), problem.Plain, nil)
		if err := test.call(w, r); err == nil || rw.Status() != test.status || rw.Written() != int64(len(test.body)) {
			t.Errorf("%d with %d bytes, %v, want %d %q", rw.Status(), rw.Written(), err, test.status, test.body)
		}
	}
}

// A handler that returns the error sends one response, and logs a 500 once.
func TestRefusalReturnedFromHandler(t *testing.T) {
	for _, test := range []struct {
		why     string
		call    func(http.ResponseWriter, *http.Request) error
		status  int
		records int
	}{
		{"sent", to("/a"), 307, 0},
		{"a fault of the server", to("/\n"), 500, 1},
		{"a fault of the client", listed("https://evil.test/"), 400, 0},
	} {
		testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
			var log testkit.Log
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, w = response.Wrap(w, r)
				r = exchange.WithDefaults(nil, r, nil, log.Logger())
				if err := test.call(w, r); err != nil {
					problem.Handle(w, r, err, nil, nil)
				}
			})
			resp := tr.Do(t, handler, httptest.NewRequest("GET", "/", nil))
			body := testkit.Body(t, resp)
			if resp.StatusCode != test.status || strings.Count(body, "status") > 1 {
				t.Errorf("%s: %d %q", test.why, resp.StatusCode, body)
			}
			if got := len(log.Records()); got != test.records {
				t.Errorf("%s: %d records, want %d", test.why, got, test.records)
			}
		})
	}
}
