package cookies_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/cookies"
)

// browser is a cookie jar by name alone.
type browser map[string]string

func (b browser) follow(h http.Header) {
	for _, line := range h["Set-Cookie"] {
		c, _ := http.ParseSetCookie(line)
		if c.Expires.Unix() == 0 {
			delete(b, c.Name)
		} else {
			b[c.Name] = c.Value
		}
	}
}

func (b browser) request() *http.Request {
	var pairs []string
	for name, value := range b {
		pairs = append(pairs, name+"="+value)
	}
	return carrying(strings.Join(pairs, "; "))
}

// do runs a function that sets draft cookies and stores them.
func (b browser) do(t *testing.T, f func(http.ResponseWriter) error) {
	t.Helper()
	rec := httptest.NewRecorder()
	if err := f(rec); err != nil {
		t.Fatal(err)
	}
	b.follow(rec.Header())
}

const (
	bypass = "__prerender_bypass"
	data   = "__next_preview_data"
)

type revision struct{ ID int }

func TestDraftModes(t *testing.T) {
	d := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key32('k')}})
	enable := func(b browser) {
		b.do(t, func(w http.ResponseWriter) error { return d.Enable(w, b.request(), 0) })
	}
	preview := func(b browser) {
		b.do(t, func(w http.ResponseWriter) error { return d.SetPreview(w, revision{7}, 0) })
	}
	foreign := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key32('f')}})

	for _, test := range []struct {
		why     string
		prepare func(browser)
		on      bool
		data    bool
	}{
		{"nothing set", func(browser) {}, false, false},
		{"enabled", enable, true, false},
		{"preview data enable too", preview, true, true},
		{"enabling keeps the data", func(b browser) { preview(b); enable(b) }, true, true},
		{"disabled", func(b browser) { preview(b); b.do(t, d.Disable) }, false, false},
		{"data alone", func(b browser) { preview(b); delete(b, bypass) }, false, false},
		{"first cookie alone: draft mode without data", func(b browser) { preview(b); delete(b, data) }, true, false},
		{"first cookie wrong", func(b browser) { preview(b); b[bypass] = "wrong" }, false, false},
		{"data wrong", func(b browser) { preview(b); b[data] = "wrong" }, false, false},
		{"data empty", func(b browser) { preview(b); b[data] = "" }, false, false},
		{"data cut short", func(b browser) { preview(b); b[data] = b[data][:len(b[data])-1] }, false, false},
		{"data changed", func(b browser) { preview(b); b[data] = "A" + b[data][1:] + "A" }, false, false},
		{"cookies exchanged", func(b browser) { preview(b); b[bypass], b[data] = b[data], b[bypass] }, false, false},
		{"first cookie in both places", func(b browser) { enable(b); b[data] = b[bypass] }, false, false},
		{"keys of another service", func(b browser) {
			b.do(t, func(w http.ResponseWriter) error { return foreign.SetPreview(w, revision{7}, 0) })
		}, false, false},
		{"enabling repairs data that do not open", func(b browser) {
			b.do(t, func(w http.ResponseWriter) error { return foreign.SetPreview(w, revision{7}, 0) })
			enable(b)
		}, true, false},
		{"a sealer with the same key is no draft mode", func(b browser) {
			c := &http.Cookie{Name: bypass}
			b[bypass] = strings.TrimPrefix(set(t, cookies.NewSealer(key32('k')), c), bypass+"=")
		}, false, false},
	} {
		b := browser{}
		test.prepare(b)
		if got := d.Enabled(b.request()); got != test.on {
			t.Errorf("%s: Enabled = %v", test.why, got)
		}
		into := revision{1}
		ok, err := d.Preview(b.request(), &into)
		if ok != test.data || err != nil || (into.ID == 7) != test.data {
			t.Errorf("%s: Preview = %v, %v, %v", test.why, into, ok, err)
		}
	}
}

func TestDraftAttributes(t *testing.T) {
	keys := [][]byte{key32('k')}
	for _, test := range []struct {
		why string
		cfg cookies.DraftConfig
		age time.Duration
		on  string
		off string
	}{
		{
			"production, as Next", cookies.DraftConfig{Keys: keys}, 0,
			"Path=/; HttpOnly; Secure; SameSite=None",
			"Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
		},
		{
			"development, as Next", cookies.DraftConfig{Keys: keys, Insecure: true}, 0,
			"Path=/; HttpOnly; SameSite=Lax",
			"Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
		},
		{
			"max age and path", cookies.DraftConfig{Keys: keys, Path: "/p"}, time.Minute,
			"Path=/p; Max-Age=60; HttpOnly; Secure; SameSite=None",
			"Path=/p; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
		},
		{
			"names", cookies.DraftConfig{Keys: keys, Name: "__Host-draft", DataName: "__Host-data"}, 0,
			"Path=/; HttpOnly; Secure; SameSite=None",
			"Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=None",
		},
	} {
		d := cookies.NewDraft(test.cfg)
		on, off := httptest.NewRecorder(), httptest.NewRecorder()
		if err := errors.Join(d.SetPreview(on, revision{7}, test.age), d.Disable(off), d.Disable(off)); err != nil {
			t.Fatal(err)
		}
		for what, h := range map[string]http.Header{test.on: on.Header(), test.off: off.Header()} {
			lines := h["Set-Cookie"]
			if len(lines) != 2 {
				t.Fatalf("%s: %q", test.why, lines)
			}
			for _, line := range lines {
				if _, attrs, _ := strings.Cut(line, "; "); attrs != what {
					t.Errorf("%s: %q, want attributes %q", test.why, line, what)
				}
			}
		}
	}
}

func TestDraftExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key32('k')}})
		b := browser{}
		b.do(t, func(w http.ResponseWriter) error { return d.SetPreview(w, revision{7}, time.Hour) })
		time.Sleep(time.Hour - time.Second)
		if !d.Enabled(b.request()) {
			t.Error("ended early")
		}
		time.Sleep(time.Second)
		if d.Enabled(b.request()) {
			t.Error("a browser that keeps its cookies stays in draft mode")
		}
	})
}

func TestDraftSetPreviewRefuses(t *testing.T) {
	d := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key32('k')}})
	fit := strings.Repeat("x", 1500-len(`""`))
	for _, test := range []struct {
		why  string
		data any
		age  time.Duration
		ok   bool
	}{
		{"the longest that fits", fit, 0, true},
		{"one byte more", fit + "x", 0, false},
		{"no JSON", func() {}, 0, false},
		{"a negative age", 1, -time.Hour, false},
		{"an age that rounds to none", 1, time.Millisecond, false},
	} {
		rec := httptest.NewRecorder()
		err := d.SetPreview(rec, test.data, test.age)
		if (err == nil) != test.ok || (len(rec.Header()) > 0) != test.ok {
			t.Errorf("%s: SetPreview = %v with headers %q", test.why, err, rec.Header())
		}
		for _, line := range rec.Header()["Set-Cookie"] {
			if c, _ := http.ParseSetCookie(line); len(c.Value) > 2048 {
				t.Errorf("%s: %s takes %d octets", test.why, c.Name, len(c.Value))
			}
		}
	}

	b := browser{}
	b.do(t, func(w http.ResponseWriter) error { return d.SetPreview(w, "text", 0) })
	var into revision
	if ok, err := d.Preview(b.request(), &into); ok || err == nil {
		t.Errorf("data of another type: Preview = %v, %v", ok, err)
	}
}

func TestDraftConfig(t *testing.T) {
	for _, test := range []struct {
		why  string
		cfg  cookies.DraftConfig
		want []string
	}{
		{"keys are needed", cookies.DraftConfig{}, []string{"no key"}},
		{"everything at once", cookies.DraftConfig{
			Keys: [][]byte{{1}}, Name: "a b", DataName: "a b", Path: "/;",
		}, []string{"key 0 has 1 bytes", "invalid Cookie.Name", "both draft cookies"}},
		{"names are held to their prefix", cookies.DraftConfig{
			Keys: [][]byte{key32('k')}, Name: "__Secure-a", Insecure: true,
		}, []string{"needs Secure"}},
	} {
		err := test.cfg.Validate()
		if err == nil {
			t.Errorf("%s: Validate = nil", test.why)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Validate = %v, want %q in it", test.why, err, want)
			}
		}
		func() {
			defer func() {
				if got, ok := recover().(error); !ok || got.Error() != err.Error() {
					t.Errorf("%s: NewDraft panicked with %v, want %v", test.why, got, err)
				}
			}()
			cookies.NewDraft(test.cfg)
		}()
	}
}

// TestDraftEnableKeepsFreshData: Enable clears preview data that do not open, but not
// those that the same response has just stored.
func TestDraftEnableKeepsFreshData(t *testing.T) {
	d := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}})
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "__next_preview_data", Value: "of-another-key"})
	w := httptest.NewRecorder()
	if err := d.SetPreview(w, map[string]int{"revision": 7}, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Enable(w, r, 0); err != nil {
		t.Fatal(err)
	}
	next := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge >= 0 && c.Value != "" {
			next.AddCookie(c)
		}
	}
	var data map[string]int
	if ok, err := d.Preview(next, &data); !ok || err != nil || data["revision"] != 7 {
		t.Errorf("%v, %t, %v: the data are gone", data, ok, err)
	}
}
