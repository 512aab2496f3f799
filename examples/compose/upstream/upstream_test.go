package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/upstream"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// service serves two routes of the upstream inside the complete chain of the kit, and
// stores the log.
func service(t *testing.T, there http.Handler, cfg middleware.Config) (h http.Handler, host string, log *testkit.Log) {
	t.Helper()
	server := httptest.NewServer(there)
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	return front(t, server.URL+"/v2", cfg), host, capture(t)
}

func front(t *testing.T, base string, cfg middleware.Config) http.Handler {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	secret, err := upstream.New(upstream.Config{
		Base: base,
		Routes: map[string]string{
			"/api/secret":               "/items",
			"/api/secret/[id]":          "/items/[id]",
			"/api/secret/files/[...at]": "/raw/[...at]",
		},
		Header:    http.Header{"Authorization": {"Bearer our-key"}},
		Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/secret", middleware.New(cfg)(secret))
	mux.Handle("/api/secret/", middleware.New(cfg)(secret))
	return mux
}

func capture(t *testing.T) *testkit.Log {
	log := new(testkit.Log)
	before := slog.Default()
	slog.SetDefault(log.Logger())
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

// records waits for the n log records of a response: they are written after the client has it.
func records(log *testkit.Log, n int) []slog.Record {
	for deadline := time.Now().Add(time.Minute); len(log.Records()) < n && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	return log.Records()
}

// TestProxyRequest: the upstream gets what it needs to respond, and nothing about the client.
func TestProxyRequest(t *testing.T) {
	var seen *http.Request
	h, host, _ := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body); seen = r }), middleware.Config{})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		r := httptest.NewRequest("GET", "/api/secret/7?page=2&bad=%zz", nil)
		for name, value := range map[string]string{
			"Accept":              "application/json",
			"Authorization":       "Bearer the-client's",
			"Cookie":              "session=1",
			"Forwarded":           "for=10.0.0.1",
			"Proxy-Authorization": "Basic x",
			"Referer":             "https://example.com/private",
			"User-Agent":          "browser",
			"X-Forwarded-For":     "10.0.0.1",
			"X-Forwarded-Host":    "example.com",
			"X-Real-Ip":           "10.0.0.1",
			"X-Http-Method":       "DELETE",
		} {
			r.Header.Set(name, value)
		}
		tr.Do(t, h, r)
		if got := seen.URL.String(); got != "/v2/items/7?page=2" || seen.Host != host {
			t.Errorf("%s of %s", got, seen.Host)
		}
		want := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer our-key"}}
		if got := fmt.Sprint(seen.Header); got != fmt.Sprint(want) {
			t.Errorf("header %v, want %v", got, want)
		}

		client, base := tr.Serve(t, h)
		r, _ = http.NewRequest("POST", base+"/api/secret", io.MultiReader(strings.NewReader("body")))
		r.Trailer = http.Header{"X-Sum": {"1"}}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if seen.Method != "POST" || len(seen.Trailer) > 0 {
			t.Errorf("%s with trailers %v", seen.Method, seen.Trailer)
		}
	})
}

// TestProxyPaths: a path is listed or gets 404; no spelling of it reaches another path of the upstream.
func TestProxyPaths(t *testing.T) {
	tests := []struct{ path, want, why string }{
		{"/api/secret", "/v2/items", "fixed"},
		{"/api/secret/a%20b", "/v2/items/a%20b", "one value"},
		{"/api/secret/%61", "/v2/items/a", "built anew, not passed on"},
		{"/api/secret/a;b=c", "/v2/items/a%3Bb=c", "no path parameters, which some servers strip before they look for dots"},
		{"/api/secret/..;", "/v2/items/..%3B", "the same, as it is used"},
		{"/api/secret/files/a/b.txt", "/v2/raw/a/b.txt", "a catch-all"},
		{"/api/secret/1/2", "", "not listed"},
		{"/api/secret/..%2fadmin", "", "decoded once more it leads out"},
		{"/api/secret/..%5cadmin", "", "on some systems too"},
		{"/api/secret/%252e%252e", "", "encoded twice"},
		{"/api/secret/%2e%2e", "", "dots"},
		{"/api/secret/files/a/%2e%2E/b", "", "dots in the middle"},
		{"/api/secret/files/a/%2e/b", "", "one dot"},
		{"/api/secret/files/a//b", "", "an empty segment"},
		{"/api/secret//evil.example/x", "", "a host"},
		{"//evil.example/api/secret", "", "a host in front"},
		{"/api/secret/%ff", "", "no UTF-8"},
		{"/api/secret/%00", "/v2/items/%00", "as encoded as it was"},
	}
	var got string
	h, _, _ := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI }), middleware.Config{})
	client, base := testkit.HTTP1.Serve(t, h)
	for _, tt := range tests {
		got = ""
		resp, err := client.Get(base + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got != tt.want || tt.want == "" && resp.StatusCode/100 == 2 {
			t.Errorf("%s: %d, upstream saw %q, want %q: %s", tt.path, resp.StatusCode, got, tt.want, tt.why)
		}
	}
}

// TestProxyResponses tests what the client gets for responses of the upstream.
func TestProxyResponses(t *testing.T) {
	type fields = map[string]string
	tests := []struct {
		name     string
		status   int
		header   fields // of the upstream; HOST is replaced by its address
		body     string
		want     int
		has      fields // in the header of the response
		text     string // in its body
		logged   bool
		anywhere bool // it may name a host in its body, which is data
	}{
		{"plain", 200, fields{"Content-Type": "application/json", "Etag": `"1"`, "Cache-Control": "max-age=5"}, `{"a":1}`,
			200, fields{"Content-Type": "application/json", "Etag": `"1"`, "Cache-Control": "max-age=5"}, `{"a":1}`, false, false},
		{"what it says about itself", 200, fields{
			"Server": "HOST", "Via": "1.1 HOST", "X-Powered-By": "Express", "X-Served-By": "HOST", "Alt-Svc": `h3="HOST"`,
			"Set-Cookie": "s=1; Domain=HOST", "Link": "<http://HOST/next>; rel=next", "Content-Location": "http://HOST/x",
			"Refresh": "0;url=http://HOST/", "Access-Control-Allow-Origin": "http://HOST", "Report-To": `{"url":"http://HOST"}`,
			"Content-Security-Policy": "report-uri http://HOST",
		}, "ok", 200, fields{
			"Server": "", "Via": "", "X-Powered-By": "", "X-Served-By": "", "Alt-Svc": "", "Set-Cookie": "", "Link": "",
			"Content-Location": "", "Refresh": "", "Access-Control-Allow-Origin": "", "Report-To": "", "Content-Security-Policy": "sandbox",
		}, "ok", false, false},
		{"a page", 200, fields{"Content-Type": "text/html"}, "<script>", 200, fields{
			"Content-Type": "text/html", "Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff",
		}, "<script>", false, false},
		{"not modified", 304, fields{"Etag": `"1"`}, "", 304, fields{"Etag": `"1"`}, "", false, false},
		{"the client's fault", 404, nil, "no such item", 404, nil, "no such item", false, false},
		{"slow down", 429, fields{"Retry-After": "3"}, "", 429, fields{"Retry-After": "3"}, "", false, false},
		{"created", 201, fields{"Location": "http://HOST/v2/items/9"}, "", 201, fields{"Location": "/api/secret/9"}, "", false, false},
		{"redirect", 302, fields{"Location": "/v2/items?page=2"}, "moved to http://HOST/", 302, fields{"Location": "/api/secret?page=2"}, "", false, true},
		{"relative redirect", 307, fields{"Location": "items/3"}, "", 307, fields{"Location": "/api/secret/3"}, "", false, false},
		{"to what is not listed", 302, fields{"Location": "http://HOST/login"}, "", 502, fields{"Location": ""}, "Bad Gateway", true, false},
		{"to another path of it", 302, fields{"Location": "http://HOST/v2/admin"}, "", 502, fields{"Location": ""}, "Bad Gateway", true, false},
		{"to another host", 302, fields{"Location": "//sso.HOST/login"}, "", 502, fields{"Location": ""}, "Bad Gateway", true, false},
		{"to no URL", 302, fields{"Location": "http://[HOST"}, "", 502, fields{"Location": ""}, "Bad Gateway", true, false},
		{"our key is wrong", 401, fields{"Www-Authenticate": `Basic realm="HOST"`}, "who at HOST?", 502, fields{"Www-Authenticate": ""}, "Bad Gateway", true, false},
		{"a stack", 500, nil, "at http://HOST/app.js:7", 502, fields{"Content-Type": "application/problem+json"}, `"status":502`, true, false},
		{"busy", 503, nil, "HOST is down", 502, nil, "Bad Gateway", true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			there := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for name, value := range tt.header {
					w.Header().Set(name, strings.ReplaceAll(value, "HOST", r.Host))
				}
				w.Header().Set("Trailer", "X-Node")
				w.WriteHeader(tt.status)
				io.WriteString(w, strings.ReplaceAll(tt.body, "HOST", r.Host))
				w.Header().Set("X-Node", r.Host)
				w.Header().Set(http.TrailerPrefix+"X-Late", r.Host)
			})
			h, host, log := service(t, there, middleware.Config{})
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				logged := len(log.Records())
				resp := tr.Do(t, h, httptest.NewRequest("GET", "/api/secret", nil))
				body := testkit.Body(t, resp)
				if resp.StatusCode != tt.want || !strings.Contains(body, tt.text) {
					t.Errorf("%d %s, want %d with %s", resp.StatusCode, body, tt.want, tt.text)
				}
				for name, value := range tt.has {
					if got := resp.Header.Get(name); got != value {
						t.Errorf("%s: %q, want %q", name, got, value)
					}
				}
				if all := fmt.Sprint(resp.Header, resp.Trailer, body); strings.Contains(all, host) && !tt.anywhere {
					t.Errorf("names the host: %s", all)
				}
				if len(resp.Trailer) > 0 {
					t.Errorf("trailers: %v", resp.Trailer)
				}
				if tt.logged {
					logged++
				}
				if got := records(log, logged); len(got) != logged {
					t.Errorf("%d records, want %d", len(got), logged)
				}
			})
		})
	}
}

// TestProxyTrace: an upstream that supports TRACE would reveal the key.
func TestProxyTrace(t *testing.T) {
	h, _, _ := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Write(w)
	}), middleware.Config{})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, httptest.NewRequest("TRACE", "/api/secret/7", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 405 || resp.Header.Get("Allow") == "" || strings.Contains(body, "our-key") {
			t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
		}
	})
}

// TestProxyOuterHeaders: header fields of outer layers stay, even if the upstream sends a 1xx response.
func TestProxyOuterHeaders(t *testing.T) {
	h, host, _ := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "<http://"+r.Host+"/style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "ok")
	}), middleware.Config{})
	outside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://example.com")
		h.ServeHTTP(w, r)
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(serve(t, outside), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/secret HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(all); !strings.HasPrefix(text, "HTTP/1.1 200 OK") || strings.Contains(text, host) ||
		!strings.Contains(text, "Access-Control-Allow-Origin: https://example.com") {
		t.Errorf("%s", text)
	}
}

func serve(t *testing.T, h http.Handler) string {
	_, base := testkit.HTTP1.Serve(t, h)
	return base
}

// TestProxyUpstreamFailures: if the upstream does not respond, this service does, in its error
// format, with one log record.
func TestProxyUpstreamFailures(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer stuck.Close()
	garbage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(conn, "I am no HTTP\r\n\r\n")
		conn.Close()
	}))
	defer garbage.Close()

	impatient := middleware.Config{MaxDuration: 50 * time.Millisecond}
	for _, tt := range []struct {
		name string
		base string
		cfg  middleware.Config
		want int
	}{
		{"nobody there", "http://" + nobody, middleware.Config{}, 502},
		{"no such host", "http://nobody.invalid", middleware.Config{}, 502},
		{"no HTTP", garbage.URL, middleware.Config{}, 502},
		{"too slow", stuck.URL, impatient, 504},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				log := capture(t)
				resp := tr.Do(t, front(t, tt.base, tt.cfg), httptest.NewRequest("GET", "/api/secret/7", nil))
				want := fmt.Sprintf(`{"title":%q,"status":%d}`, http.StatusText(tt.want), tt.want)
				if body := testkit.Body(t, resp); resp.StatusCode != tt.want || body != want {
					t.Errorf("%d %s, want %s", resp.StatusCode, body, want)
				}
				if got := records(log, 1); len(got) != 1 || testkit.Attr(got[0], "pattern") != "/api/secret/" {
					t.Errorf("records: %v", got)
				}
			})
		})
	}

	t.Run("slow transport", func(t *testing.T) {
		capture(t)
		transport := &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}
		defer transport.CloseIdleConnections()
		h, err := upstream.New(upstream.Config{Base: stuck.URL, Routes: map[string]string{"/": "/"}, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		if resp := testkit.HTTP1.Do(t, h, httptest.NewRequest("GET", "/", nil)); resp.StatusCode != 504 {
			t.Errorf("%d", resp.StatusCode)
		}
	})
}

// TestProxyParsedBody: a body that a bodyparser has read is replayed to the upstream, with its
// length; a rejected request does not reach it.
func TestProxyParsedBody(t *testing.T) {
	type got struct {
		length int64
		body   string
		err    error
	}
	bodies := make(chan got, 1)
	there := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		bodies <- got{r.ContentLength, string(b), err}
	})
	for _, raw := range []bool{false, true} {
		h, _, _ := service(t, there, middleware.Config{BodyParser: bodyparser.Config{Limit: 20, Raw: raw}})
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			r := httptest.NewRequest("POST", "/api/secret", strings.NewReader(`{"name":"Ada"}`))
			r.Header.Set("Content-Type", "application/json")
			tr.Do(t, h, r)
			if b := <-bodies; b != (got{14, `{"name":"Ada"}`, nil}) {
				t.Errorf("raw %t: upstream read %+v", raw, b)
			}
			r = httptest.NewRequest("POST", "/api/secret", strings.NewReader(`{"name":"far too long"}`))
			if resp := tr.Do(t, h, r); resp.StatusCode != 413 {
				t.Errorf("raw %t: too long: %d", raw, resp.StatusCode)
			}
			select {
			case b := <-bodies:
				t.Errorf("raw %t: upstream read %+v of what was refused", raw, b)
			default:
			}

			client, base := tr.Serve(t, h)
			resp, err := client.Post(base+"/api/secret", "text/plain", io.MultiReader(strings.NewReader("in chunks")))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			length := int64(9)
			if raw {
				length = -1 // not read before
			}
			if b := <-bodies; b != (got{length, "in chunks", nil}) {
				t.Errorf("raw %t: upstream read %+v", raw, b)
			}
			resp, err = client.Post(base+"/api/secret", "text/plain", io.MultiReader(strings.NewReader("far too long, and nobody says so")))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 413 {
				t.Errorf("raw %t: too long, of no declared length: %d", raw, resp.StatusCode)
			}
			if raw {
				<-bodies // what came before the limit
			}
		})
	}
}

// TestProxyEvents: events pass one by one through all layers, for longer than the timeout
// of other responses.
func TestProxyEvents(t *testing.T) {
	more := make(chan struct{})
	there := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d from %s\n\n", i, r.Header.Get("Last-Event-ID"))
			w.(http.Flusher).Flush()
			select {
			case <-more: // the client has it
			case <-r.Context().Done():
				return
			}
		}
	})
	h, _, log := service(t, there, middleware.Config{MaxDuration: 500 * time.Millisecond, ResponseLimit: 10, WarnUnresolved: true})
	hurried := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(500 * time.Millisecond)) // a server's WriteTimeout
		h.ServeHTTP(w, r)
	})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		r := httptest.NewRequest("GET", "/api/secret", nil)
		r.Header.Set("Last-Event-ID", "7")
		resp := tr.Do(t, hurried, r)
		lines := bufio.NewScanner(resp.Body)
		for i := range 3 {
			if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d from 7", i) || !lines.Scan() {
				t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
			}
			if i == 1 {
				time.Sleep(600 * time.Millisecond) // past MaxDuration
			}
			more <- struct{}{}
		}
		if lines.Scan() || lines.Err() != nil {
			t.Errorf("after the end: %q, %v", lines.Text(), lines.Err())
		}
	})
	if got := log.Records(); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestProxyClientGone: the request to the upstream is canceled when the client disconnects.
func TestProxyClientGone(t *testing.T) {
	arrived, ended := make(chan struct{}), make(chan struct{})
	h, _, log := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
		close(ended)
	}), middleware.Config{MaxDuration: time.Minute})
	client, base := testkit.HTTP1.Serve(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	r, _ := http.NewRequestWithContext(ctx, "GET", base+"/api/secret", nil)
	if resp, err := client.Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", resp, err)
	}
	<-ended
	if got := log.Records(); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// TestProxyBrokenOff: a partial response does not look complete.
func TestProxyBrokenOff(t *testing.T) {
	for _, head := range []string{
		"Content-Length: 100\r\n\r\nhalf",
		"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
	} {
		h, _, log := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+head)
			conn.Close()
		}), middleware.Config{MaxDuration: time.Minute})
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			before := len(log.Records())
			client, base := tr.Serve(t, h)
			resp, err := client.Get(base + "/api/secret")
			if err == nil {
				var body []byte
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
				if err == nil {
					t.Errorf("%d %q passes for whole", resp.StatusCode, body)
				}
			}
			if got := records(log, before+1); len(got) != before+1 {
				t.Errorf("%d records, want one", len(got)-before)
			}
		})
	}
}

// TestNewBadConfig: an invalid configuration fails at startup.
func TestNewBadConfig(t *testing.T) {
	for _, cfg := range []upstream.Config{
		{},
		{Base: "secret.example"},
		{Base: "ftp://secret.example"},
		{Base: "http://secret.example", Routes: map[string]string{"/a/[id]": "/b/[name]"}},
		{Base: "http://secret.example", Routes: map[string]string{"/a/[[id]]": "/b"}},
		{Base: "http://secret.example", Routes: map[string]string{"/a": "/b/[[c]]"}},
	} {
		if _, err := upstream.New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
