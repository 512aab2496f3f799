package browsertest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/apiece/apiece/examples/blog/service"
)

// With APIECE_SCREENSHOTS=DIR, TestBlogDemo saves screenshots there.
var screenshots = os.Getenv("APIECE_SCREENSHOTS")

// TestBlogDemo presses every button of the demo, in desktop and phone sizes, in light and
// dark mode.
func TestBlogDemo(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // 500 and 504 are intentional
	ctx := browse(t)
	for _, screen := range []struct {
		name          string
		width, height int64
		dark          bool
	}{
		{"desk light", 1280, 900, false},
		{"desk dark", 1280, 900, true},
		{"phone light", 390, 844, false},
		{"phone dark", 390, 844, true},
	} {
		t.Run(screen.name, func(t *testing.T) {
			blog := service.New(service.Config{Logger: slog.New(slog.DiscardHandler)})
			server := httptest.NewServer(blog)
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				// The stream of the page ends with the hub.
				if err := blog.Shutdown(ctx, server.Config); err != nil {
					t.Error(err)
				}
				server.Close()
			})
			tab, end := chromedp.NewContext(ctx)
			defer end()
			scheme := "light"
			if screen.dark {
				scheme = "dark"
			}
			d := demo{t, tab}
			thrown := chromedp.Events(tab, runtime.ExceptionThrown)
			d.do(chromedp.EmulateViewport(screen.width, screen.height), chromedp.Navigate(server.URL))
			if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			}); err != nil {
				t.Fatal(err)
			}
			d.until(`document.getElementById("live").className == "on"`)

			background := "rgb(246, 247, 249)"
			if screen.dark {
				background = "rgb(20, 23, 28)"
			}
			d.is(`getComputedStyle(document.body).backgroundColor`, background)
			d.is(`String(document.documentElement.scrollWidth <= innerWidth)`, "true")
			d.keep(screen.name + " first")

			if screen.name == "desk light" {
				d.buttons()
			}
			// One of each kind is enough in the other modes: the response and the event
			// are visible.
			d.press(`#post button`, "201 Created", "A post")
			d.until(`document.querySelector("#events li").textContent.includes("A post")`)
			for _, id := range []string{"response", "events"} {
				d.is(fmt.Sprintf(`(() => { const r = document.getElementById(%q).getBoundingClientRect(); return String(r.height > 20 && r.top >= 0 && r.top < innerHeight) })()`, id), "true")
			}
			d.is(`String(document.getElementById("right").getBoundingClientRect().height <= innerHeight * 0.45 || innerWidth > 1000)`, "true")
			d.keep(screen.name + " posted")
			d.do(chromedp.Click(chromedp.CSS(`details[data-source="wholePost,putPost,postPatch,patchPost"] summary`)))
			d.until(`document.querySelector('details[open]')?.textContent.includes("func (s *Service) putPost(r *http.Request, in wholePost) (Post, error)")`)
			d.is(`String(/^https:.*examples\/blog\/service\/posts\.go#L\d+$/.test(document.querySelector("details[open] a").href))`, "true")
			d.keep(screen.name + " source")
			end()
			for event, err := range thrown {
				if err != nil {
					break // the tab is closed
				}
				t.Errorf("the page failed: %s", event.ExceptionDetails.Text)
			}
		})
	}
}

// buttons presses every button, and checks the text of the page.
func (d demo) buttons() {
	for _, b := range []struct{ button, status, has string }{
		{`[data-get="/api/posts"]`, "200 OK", `"title": "Routes"`},
		{`[data-to="/api/posts"][data-json*="a\",\"b"]`, "422", `"path": "/title"`},
		{`[data-to="/api/posts"][data-json*="7"]`, "400", `"path": "/title"`},
		{`[data-json='{"title":']`, "400", "Invalid JSON"},
		{`#toolarge`, "413", "1mb limit"},
		{`[data-method="PUT"][data-to="/api/posts"]`, "405", "allow: GET, HEAD, OPTIONS, POST"},
		{`[data-method="OPTIONS"]`, "204", "allow: "},
		{`[data-get="/api/post/1"]`, "200", `"title": "Hello"`},
		{`#again`, "304", "etag: "},
		{`[data-get="/api/post/a/b/c"]`, "200", "Post: a, b, c"},
		{`[data-get="/api/post/a%2Fb/c"]`, "200", "Post: a/b, c"},
		{`[data-get="/api/post/999"]`, "404", "No such post"},
		{`[data-get="/api/post/x"]`, "400", `"in": "path"`},
		{`[data-get="/api/post/%zz"]`, "400", ""},
		{`[data-get="/api/nowhere"]`, "404", ""},
		{`[data-json*="Written again"]`, "200", `"title": "Written again"`},
		{`[data-json*="A new title"]`, "200", `"text": "All of it."`},
		{`[data-json*="tags\":null"]`, "200", `"tags": []`},
		{`[data-json*="No text"]`, "422", `"path": "/text"`},
		{`[data-json='{"title":""}']`, "422", `"path": "/title"`},
		{`[data-method="PATCH"][data-to="/api/post/999"]`, "404", "No such post"},
		{`#upload4`, "200", `"size": 4194304`},
		{`#upload0`, "422", `"path": "/file"`},
		{`[data-get="/api/feed?topic=secrets"]`, "422", `"in": "query"`},
		{`[data-get="/blog/1"]`, "200", "cache-status: "},
		{`[data-get="/blog/1"]`, "200", "hit"},
		{`[data-to="/api/revalidate"][data-json*="demo"]`, "200", `"revalidated": true`},
		{`[data-json*="guess"]`, "401", "Invalid secret"},
		{`[data-get="/api/docs"]`, "200", "{}"},
		{`[data-get="/api/docs/a/b?x=1&x=2"]`, "200", `"slug"`},
		{`[data-get="/api/docs?slug=spoofed"]`, "200", "{}"},
		{`[data-to="/api/contact"]`, "3xx", "/?sent=1"},
		{`[data-form*="evil"]`, "3xx", "/?sent=1"},
		{`[data-form*="nowhere"]`, "422", `"path": "/email"`},
		{`[data-form*="%zz"]`, "400", "Invalid body"},
		{`[data-theme-button="dark"]`, "204", ""},
		{`[data-to="/api/theme"][data-json*="light"]`, "204", ""},
		{`[data-get="/api/theme"]`, "200", `"theme": "light"`},
		{`[data-to="/api/theme"][data-method="DELETE"]`, "204", ""},
		{`[data-json*="blue"]`, "422", "light dark"},
		{`#signed`, "200", `"action": "opened"`},
		{`#forged`, "403", "Verification failed"},
		{`[data-to="/api/webhook"]`, "403", "Verification failed"},
		{`[data-get="/api/slow?ms=200"]`, "200", `"ms": 200`},
		{`[data-get="/api/slow?ms=3000"]`, "504", ""},
		{`[data-get="/api/slow?ms=abc"]`, "400", "ms is a number"},
		{`[data-get="/api/big?kb=16"]`, "200", "xxx"},
		{`[data-get="/api/big?kb=100"]`, "500", ""},
	} {
		d.press(b.button, b.status, b.has)
	}
	d.is(`String(document.getElementById("progress").value)`, "1")

	// Events published while the page is disconnected arrive when it reconnects.
	d.do(chromedp.Click(chromedp.CSS("#disconnect")))
	d.press(`#post button`, "201", "A post")
	inTab(d, chromedp.Evaluate[string](`document.getElementById("events").textContent = ""`))
	d.do(chromedp.Click(chromedp.CSS("#connect")))
	d.until(`document.querySelector("#events li")?.textContent.includes("A post")`)

	// A topic that is unchecked is not sent.
	d.do(chromedp.Click(chromedp.CSS(`.topic[value="posts"]`)))
	d.until(`document.getElementById("live").className == "on"`)
	d.press(`#post button`, "201", "A post")
	d.press(`#upload4`, "200", `"size": 4194304`)
	d.until(`document.querySelector("#events li").textContent.includes("file.bin")`)
	d.is(`String(document.querySelectorAll("#events li").length)`, "2")
	d.do(chromedp.Click(chromedp.CSS(`.topic[value="posts"]`)))
	d.until(`document.getElementById("live").className == "on"`)
}

// A demo is the page in a tab.
type demo struct {
	t   *testing.T
	tab context.Context
}

// inTab runs one action in the tab.
func inTab[T any](d demo, action chromedp.Action[T]) T {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.tab, 30*time.Second)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		d.t.Fatal(err)
	}
	return result
}

func (d demo) do(actions ...chromedp.Action[chromedp.Void]) {
	d.t.Helper()
	inTab(d, chromedp.Steps(actions...))
}

// until waits until an expression is true.
func (d demo) until(expression string) {
	d.t.Helper()
	inTab(d, chromedp.Poll[bool](expression))
}

func (d demo) is(expression, want string) {
	d.t.Helper()
	if got := inTab(d, chromedp.Evaluate[string](expression)); got != want {
		d.t.Errorf("%s is %q, want %q", expression, got, want)
	}
}

// press presses a button, and waits for the response to be shown.
func (d demo) press(button, status, has string) {
	d.t.Helper()
	inTab(d, chromedp.Evaluate[string](`document.getElementById("response").textContent = "…"`))
	d.do(chromedp.Click(chromedp.CSS(button)))
	d.until(`document.getElementById("response").textContent != "…"`)
	text := inTab(d, chromedp.Evaluate[string](`document.getElementById("response").textContent`))
	if !strings.HasPrefix(text, status) || !strings.Contains(text, has) {
		d.t.Errorf("%s: the page shows %.300q, want %s with %q", button, text, status, has)
	}
}

func (d demo) keep(name string) {
	if screenshots == "" {
		return
	}
	picture := inTab(d, chromedp.CaptureScreenshot())
	if err := os.WriteFile(filepath.Join(screenshots, strings.ReplaceAll(name, " ", "-")+".png"), picture, 0o666); err != nil {
		d.t.Error(err)
	}
}
