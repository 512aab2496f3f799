package strangler_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/apiece/apiece/examples/compose/strangler"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/shadow"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func says(text string) http.Handler {
	return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, http.StatusOK, text)
	})
}

// oldServer stands for Next.js: it echoes the request.
func oldServer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Powered-By", "Next.js")
	fmt.Fprintf(w, "old %s %s", r.Method, r.RequestURI)
}

// port puts new routes in front of an old server.
func port(t *testing.T, base string, cfg strangler.Config) http.Handler {
	t.Helper()
	cfg.Base = base
	old, err := strangler.Old(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts":       strangler.Partly(middleware.Methods{"GET": says("new list")}, old),
		"/api/post/[pid]":  middleware.Methods{"GET": says("new post")},
		"/api/post/create": old,
	}, pattern.HandlerConfig{NotFound: old, TrailingSlash: pattern.RedirectToBare})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestRoutesPorted compares the routes with the files of the old server: which are ported,
// and which a ported route shadows.
func TestRoutesPorted(t *testing.T) {
	h := port(t, "http://localhost:3000", strangler.Config{}).(*pattern.Handler)
	route := &fstest.MapFile{Data: []byte("export function GET() {}\nexport function POST() {}")}
	web := fstest.MapFS{"app/api/posts/route.ts": route, "app/api/users/route.ts": route, "pages/api/post/[pid].ts": {}, "pages/api/post/create.ts": {}}
	var log said
	nextfs.Check(&log, web, h)
	if want := "nextfs: 2 of 4 routes are ported, 1 of them in part\n"; string(log) != want {
		t.Errorf("%s, want %s", log, want)
	}
	web["pages/api/post/recent.ts"] = &fstest.MapFile{}
	if nextfs.Check(&log, web, h); !strings.Contains(string(log), "/api/post/recent is answered by the handler of /api/post/[pid]") {
		t.Errorf("%s", log)
	}
}

type said string

func (*said) Helper()                             {}
func (s *said) Logf(format string, args ...any)   { *s += said(fmt.Sprintf(format+"\n", args...)) }
func (s *said) Errorf(format string, args ...any) { s.Logf(format, args...) }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func capture(t *testing.T) *testkit.Log {
	log := new(testkit.Log)
	before := slog.Default()
	slog.SetDefault(log.Logger())
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

// TestRoutesReachOneServer: ported routes run here, all others on the old server, with exactly
// the path that the client has sent.
func TestRoutesReachOneServer(t *testing.T) {
	tests := []struct{ method, path, want, why string }{
		{"GET", "/api/posts", "200 new list", "ported"},
		{"HEAD", "/api/posts", "200 ", "with GET"},
		{"POST", "/api/posts", "200 old POST /api/posts", "the method is not ported"},
		{"OPTIONS", "/api/posts", "200 old OPTIONS /api/posts", "nor is the answer to what is allowed"},
		{"GET", "/api/post/7", "200 new post", "ported"},
		{"DELETE", "/api/post/7", `405 {"title":"Method Not Allowed","status":405,"detail":"The methods of this resource are GET, HEAD, OPTIONS"}`, "ported with all its methods"},
		{"GET", "/api/post/create", "200 old GET /api/post/create", "not a [pid]"},
		{"GET", "/api/post/7/", "308 ../7", "as Next does it"},
		{"GET", "/", "200 old GET /", "a page"},
		{"GET", "/_next/static/chunks/pages/%5Bpid%5D-1.js?v=1", "200 old GET /_next/static/chunks/pages/%5Bpid%5D-1.js?v=1", "as it is written"},
		{"GET", "/search?q=a;b&bad=%zz", "200 old GET /search?q=a;b&bad=%zz", "a query that is none for Go"},
		{"GET", "/a//b/../c", "200 old GET /a//b/../c", "not for this server to clean"},
		{"GET", "//evil.example/a", "200 old GET //evil.example/a", "a path, not a host"},
		{"GET", "/api/post/%ff", `400 {"title":"Bad Request","status":400,"detail":"Malformed path"}`, "ported: Next answers 400 too"},
		{"PURGE", "/api/nowhere", "200 old PURGE /api/nowhere", "any method"},
	}
	h := port(t, serve(t, oldServer), strangler.Config{})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		client, base := tr.Serve(t, h)
		for _, tt := range tests {
			r, err := http.NewRequest(tt.method, base+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			got := fmt.Sprintf("%d %s%s", resp.StatusCode, resp.Header.Get("Location"), body)
			if resp.StatusCode == 308 {
				got = fmt.Sprintf("308 %s", resp.Header.Get("Location"))
			}
			if byOld := resp.Header.Get("X-Powered-By") != ""; got != tt.want || byOld != strings.Contains(tt.want, "old") {
				t.Errorf("%s %s: %s, want %s: %s", tt.method, tt.path, got, tt.want, tt.why)
			}
		}
	})
}

// TestProxyHeaders: the old server sees the same client as without the proxy.
func TestProxyHeaders(t *testing.T) {
	var seen *http.Request
	old := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		http.SetCookie(w, &http.Cookie{Name: "s", Value: "2", Domain: "example.com"})
		w.Header().Set("Location", "../login?next=/a")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	for _, behind := range []bool{false, true} {
		h := port(t, old, strangler.Config{BehindProxy: behind})
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			r := httptest.NewRequest("GET", "/a/b", nil)
			r.Host = "www.example.com"
			for name, value := range map[string]string{
				"Authorization":     "Bearer 1",
				"Cookie":            "a=b; s=1",
				"Origin":            "https://www.example.com",
				"X-Forwarded-For":   "203.0.113.7",
				"X-Forwarded-Host":  "shop.example.com",
				"X-Forwarded-Proto": "https",
			} {
				r.Header.Set(name, value)
			}
			resp := tr.Do(t, h, r)
			if resp.StatusCode != 307 || resp.Header.Get("Location") != "../login?next=/a" || resp.Header.Get("Set-Cookie") != "s=2; Domain=example.com" {
				t.Errorf("%d %v", resp.StatusCode, resp.Header)
			}
			want := map[string]string{
				"Authorization":     "Bearer 1",
				"Cookie":            "a=b; s=1",
				"Origin":            "https://www.example.com",
				"X-Forwarded-For":   "127.0.0.1",
				"X-Forwarded-Host":  "www.example.com",
				"X-Forwarded-Proto": "http",
				"Accept-Encoding":   "",
			}
			if behind {
				want["X-Forwarded-For"] = "203.0.113.7, 127.0.0.1"
				want["X-Forwarded-Host"] = "shop.example.com"
				want["X-Forwarded-Proto"] = "https"
			}
			if seen.Host != "www.example.com" {
				t.Errorf("Host %q", seen.Host)
			}
			for name, value := range want {
				if got := strings.Join(seen.Header[name], ", "); got != value {
					t.Errorf("behind a proxy %t: %s: %q, want %q", behind, name, got, value)
				}
			}
		})
	}
}

// TestProxyUpload: an upload is streamed to the old server.
func TestProxyUpload(t *testing.T) {
	begun := make(chan struct{})
	old := serve(t, func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 1)
		io.ReadFull(r.Body, first)
		begun <- struct{}{}
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n+1, err)
	})
	h := port(t, old, strangler.Config{})
	const size = 8 << 20
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		client, base := tr.Serve(t, h)
		body, send := io.Pipe()
		go func() {
			io.WriteString(send, "x")
			<-begun // the old server has the first byte before the others are sent
			chunk := make([]byte, 64<<10)
			for left := size - 1; left > 0; left -= len(chunk) {
				send.Write(chunk[:min(left, len(chunk))])
			}
			send.Close()
		}()
		resp, err := client.Post(base+"/api/upload", "application/octet-stream", body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if got := testkit.Body(t, resp); got != "8388608 <nil>" {
			t.Error(got)
		}
	})
}

// TestProxyStreams: streams of the old server arrive live, both events and HTML.
func TestProxyStreams(t *testing.T) {
	for _, mime := range []string{"text/event-stream", "text/html"} {
		next := make(chan struct{})
		h := port(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mime)
			for i := range 3 {
				fmt.Fprintln(w, i)
				w.(http.Flusher).Flush()
				<-next // the client has it
			}
		}), strangler.Config{})
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			resp := tr.Do(t, h, httptest.NewRequest("GET", "/stream", nil))
			lines := bufio.NewScanner(resp.Body)
			for i := range 3 {
				if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
					t.Errorf("%s: %q, %v", mime, lines.Text(), lines.Err())
				}
				next <- struct{}{}
			}
		})
	}
}

// TestProxyUpgrade: an upgraded connection is passed through, as the development server of
// Next.js needs.
func TestProxyUpgrade(t *testing.T) {
	h := port(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", r.Header.Get("Upgrade"))
		rw.Flush()
		line, _ := rw.ReadString('\n')
		rw.WriteString("echo " + line)
		rw.Flush()
	}), strangler.Config{})
	_, base := testkit.HTTP1.Serve(t, h)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /_next/webpack-hmr HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	lines := bufio.NewScanner(conn)
	if !lines.Scan() || lines.Text() != "HTTP/1.1 101 Switching Protocols" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
	for lines.Scan() && lines.Text() != "" { // the header
	}
	fmt.Fprintln(conn, "hello")
	lines.Scan()
	if lines.Text() != "echo hello" {
		t.Errorf("%q, %v", lines.Text(), lines.Err())
	}
}

// TestProxyOldServerDown: an old server that is down is a 502, and does not affect the ported routes.
func TestProxyOldServerDown(t *testing.T) {
	log := capture(t)
	old := httptest.NewServer(http.HandlerFunc(oldServer))
	old.Close()
	h := port(t, old.URL, strangler.Config{OnError: reply.PlainError})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		before := len(log.Records())
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/about", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 502 || body != "Bad Gateway" {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		resp = tr.Do(t, h, httptest.NewRequest("GET", "/api/posts", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 200 || body != "new list" {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		for deadline := time.Now().Add(time.Minute); len(log.Records()) == before && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond) // the record comes after the response
		}
		records := log.Records()[before:]
		if len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "error"), "refused") {
			t.Errorf("%v", records)
		}
	})
}

// TestProxyBrokenOff: a partial page does not look complete.
func TestProxyBrokenOff(t *testing.T) {
	capture(t)
	h := port(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}), strangler.Config{})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/about", nil))
		if body, err := io.ReadAll(resp.Body); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%q, %v", body, err)
		}
	})
}

// TestOldBadURL: an invalid URL fails at startup.
func TestOldBadURL(t *testing.T) {
	for _, base := range []string{"", "localhost:3000", "/old", "http://", "http://[::1"} {
		if _, err := strangler.Old(strangler.Config{Base: base}); err == nil {
			t.Errorf("%q is accepted", base)
		}
	}
}

// TestShadowComparison: a ported route is compared with an old server that responds
// differently, aborts, or is down. The client does not notice.
func TestShadowComparison(t *testing.T) {
	capture(t)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "old=1")
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/same":
			fmt.Fprint(w, `{"b": 1.0, "a": [1]}`)
		case "/api/other":
			fmt.Fprint(w, `{"a":[1],"b":2}`)
		case "/api/half":
			fmt.Fprint(w, `{"a":[1],`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	ported := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"a":[1],"b":1}`)
	})
	for _, c := range []struct{ base, path, want string }{
		{base, "/api/same", ""},
		{base, "/api/other", "json /b: 1, shadow: 2"},
		{base, "/api/half", "shadow: the response broke off: net/http: abort Handler"},
		{down.URL, "/api/same", "status: 200, shadow: 502"},
	} {
		old, err := strangler.Old(strangler.Config{Base: c.base})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		compare := shadow.New(old, shadow.Config{Report: func(d shadow.Difference) {
			if d.Err != nil {
				got = append(got, d.Err.Error())
			}
			for _, v := range d.Values {
				got = append(got, v.String())
			}
		}})
		server := httptest.NewServer(strangler.Partly(middleware.Methods{"GET": compare.Middleware(ported)}, old))
		resp, err := server.Client().Get(server.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if body := testkit.Body(t, resp); body != `{"a":[1],"b":1}` || resp.Header["Set-Cookie"] != nil {
			t.Errorf("%s: the client got %s, %v", c.path, body, resp.Header)
		}
		server.Close()
		if err := compare.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) == 0 || got[0] != c.want) {
			t.Errorf("%s: reported %q, want %q", c.path, got, c.want)
		}
	}
}
