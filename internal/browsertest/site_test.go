package browsertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// A site is every host, as one browser sees it: all names and ports lead to one server
// with TLS, and port 80 to one without.
type site struct {
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex
	armed http.HandlerFunc // answers the next request to armedHost, once
	host  string
	seen  []*http.Request
}

// open starts a browser with an empty profile, and ends the test if there is no
// browser.
func open(t *testing.T) *site {
	t.Helper()
	path := find(t)
	s := &site{t: t}

	quiet := log.New(io.Discard, "", 0)
	secure, plain := httptest.NewUnstartedServer(s), httptest.NewUnstartedServer(s)
	secure.Config.ErrorLog, plain.Config.ErrorLog = quiet, quiet
	secure.StartTLS()
	plain.Start()
	t.Cleanup(secure.Close)
	t.Cleanup(plain.Close)

	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // containers run as root, where Chromium asks for this
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("host-resolver-rules", fmt.Sprintf("MAP *:80 %s, MAP * %s", plain.Listener.Addr(), secure.Listener.Addr())),
		chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,OptimizationHints,MediaRouter"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(end)
	s.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return s
}

// find returns the path of the browser.
func find(t *testing.T) string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, "chromium", errors.New("the Debian package is called chromium"))
	return ""
}

// next makes h handle the next page request to host. All other requests get a page of
// their own.
func (s *site) next(host string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host, s.armed, s.seen = host, h, nil
}

// requests returns the page requests since next.
func (s *site) requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/favicon.ico" || r.TLS != nil && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return // the browser's own requests to its vendor
	}
	_ = r.ParseForm()
	s.mu.Lock()
	s.seen = append(s.seen, r)
	h := s.armed
	if r.Host == s.host {
		s.armed = nil
	} else {
		h = nil
	}
	s.mu.Unlock()

	w.Header().Set("Cache-Control", "no-store")
	if h != nil {
		h(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>%s</title>", r.Method)
}

const noPage = "error: no page"

// visit follows a link to the URL and returns the browser's address then, or, for a
// page that it refused to load, its error.
func (s *site) visit(url string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	var failed *chromedp.LoadError
	err := chromedp.Do(ctx, chromedp.Navigate(url))
	if errors.As(err, &failed) {
		return "error: " + failed.ErrorText
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return noPage
	}
	if err != nil {
		s.t.Fatal(err)
	}
	location, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		s.t.Fatal(err)
	}
	return location
}

// do makes h handle a visit to https://app.example.
func (s *site) do(h http.HandlerFunc) {
	s.t.Helper()
	s.next("app.example", h)
	if at := s.visit("https://app.example/"); at != "https://app.example/" {
		s.t.Fatalf("the browser is at %q", at)
	}
}

// at returns the request that the browser makes for the URL.
func (s *site) at(url string) *http.Request {
	s.t.Helper()
	s.next("", nil)
	s.visit(url)
	seen := s.requests()
	if len(seen) != 1 {
		s.t.Fatalf("the browser made %d requests for %s", len(seen), url)
	}
	return seen[0]
}

// forget deletes all cookies of the browser.
func (s *site) forget() {
	s.t.Helper()
	if _, err := chromedp.Call(s.ctx, storage.ClearCookies, storage.ClearCookiesParams{}); err != nil {
		s.t.Fatal(err)
	}
}

// kept returns the cookies that the browser has.
func (s *site) kept() []*network.Cookie {
	s.t.Helper()
	result, err := chromedp.Call(s.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		s.t.Fatal(err)
	}
	return result.Cookies
}
