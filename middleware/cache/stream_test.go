package cache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// proxied returns a cache before a ReverseProxy, and the number of upstream requests.
func proxied(t *testing.T, upstream http.HandlerFunc, around func(http.Handler) http.Handler) (*cache.Cache, string, *atomic.Int64) {
	var asked atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		upstream(w, r)
	}))
	t.Cleanup(up.Close)
	u, _ := url.Parse(up.URL)
	var log testkit.Log
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ErrorLog = nil
	mux := http.NewServeMux()
	mux.Handle("/", around(proxy))
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Logger: log.Logger()})
	site := httptest.NewServer(pages.Middleware(mux))
	t.Cleanup(site.Close)
	return pages, site.URL, &asked
}

func fetch(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "cut: " + err.Error()
	}
	return string(body)
}

// TestProxiedResponseIsStoredIfComplete: a response without a length is stored if it was
// complete, and never if it was cut, not even by a revalidation.
func TestProxiedResponseIsStoredIfComplete(t *testing.T) {
	none := func(h http.Handler) http.Handler { return h }
	limited := func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "slow") }
	for name, around := range map[string]func(http.Handler) http.Handler{"plain": none, "in a TimeoutHandler": limited} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			pages, url, asked := proxied(t, func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "<html>"+strings.Repeat("x", 9000))
				w.(http.Flusher).Flush()
				if broken.Load() {
					panic(http.ErrAbortHandler)
				}
				io.WriteString(w, "</html>")
			}, around)
			for range 3 {
				if got := fetch(url + "/p"); !strings.HasSuffix(got, "</html>") {
					t.Errorf("%.20q", got)
				}
			}
			if got := asked.Load(); got != 1 {
				t.Errorf("the upstream was asked %d times for 3 readers, want once", got)
			}
			broken.Store(true)
			if err := pages.Revalidate(context.Background(), "/p"); err == nil {
				t.Error("Revalidate has stored a part")
			}
			if got := fetch(url + "/p"); !strings.HasSuffix(got, "</html>") {
				t.Errorf("after a revalidation that was cut: %.20q", got)
			}
			for range 2 {
				if got := fetch(url + "/q"); strings.HasPrefix(got, "<html>") {
					t.Error("a part passes for a whole")
				}
			}
			broken.Store(false)
			if got := fetch(url + "/q"); !strings.HasSuffix(got, "</html>") {
				t.Errorf("a part was stored: %.20q", got)
			}
		})
	}
}

// TestFlushedResponseLiveAndStored: the client gets flushed parts at once, and the others
// the complete response.
func TestFlushedResponseLiveAndStored(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		rest := make(chan struct{})
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Etag", `"1"`)
			io.WriteString(w, "head ")
			w.(http.Flusher).Flush()
			<-rest
			io.WriteString(w, "rest")
		})
		client, url := tr.Serve(t, s)
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, begin); err != nil || string(begin) != "head " {
			t.Fatalf("%q, %v", begin, err)
		}
		joined := make(chan string)
		for range 5 {
			go func() {
				resp, err := client.Get(url)
				if err != nil {
					joined <- err.Error()
					return
				}
				joined <- testkit.Body(t, resp)
			}()
		}
		for s.Stats().Waiting != 5 {
			time.Sleep(time.Millisecond)
		}
		close(rest)
		if got := testkit.Body(t, resp); got != "rest" {
			t.Errorf("the first client: %q", got)
		}
		for range 5 {
			if got := <-joined; got != "head rest" {
				t.Errorf("one who waited: %q", got)
			}
		}
		if n := s.runs.Load(); n != 1 {
			t.Errorf("%d runs, want 1", n)
		}
	})
}

// TestFlushedResponseConditional: a client that has the response already gets no body,
// and the others the whole one.
func TestFlushedResponseConditional(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		io.WriteString(w, "body")
		w.(http.Flusher).Flush()
		io.WriteString(w, " and more")
	})
	if w := s.get("/", `If-None-Match: "1"`); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	if w := s.get("/"); w.Body.String() != "body and more" || s.runs.Load() != 1 {
		t.Errorf("%q after %d runs", w.Body, s.runs.Load())
	}
}

// TestFlushedResponseClientLeaves: the client leaves in the middle. Waiting requests get
// the whole response; without any the handler's context ends.
func TestFlushedResponseClientLeaves(t *testing.T) {
	for _, waiting := range []int{0, 3} {
		synctest.Test(t, func(t *testing.T) {
			told := false
			s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "head ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					told = true
				case <-time.After(3 * time.Second):
					io.WriteString(w, "rest")
				}
			})
			ctx, leave := context.WithCancel(t.Context())
			go s.do(request("GET", "/").WithContext(ctx))
			synctest.Wait()
			others := make(chan string, waiting)
			for range waiting {
				go func() { others <- s.get("/").Body.String() }()
			}
			time.Sleep(time.Second)
			leave()
			synctest.Wait()
			if told != (waiting == 0) {
				t.Errorf("%d wait: told %t", waiting, told)
			}
			for range waiting {
				if got := <-others; got != "head rest" {
					t.Errorf("%q", got)
				}
			}
			time.Sleep(10 * time.Second)
			if w := s.get("/"); waiting > 0 && w.Body.String() != "head rest" {
				t.Errorf("afterwards %q", w.Body)
			}
		})
	}
}
