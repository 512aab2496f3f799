package shadow_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/apiece/apiece/middleware/shadow"
)

// beside serves answer with a shadow attached, has play talk to the server over
// HTTP/1.1, and returns the reports and the counts.
func beside(t *testing.T, answer, other http.Handler, cfg shadow.Config, play func(addr string)) (reports []string, stats shadow.Stats) {
	t.Helper()
	var mu sync.Mutex
	cfg.Report = func(d shadow.Difference) {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range d.Values {
			reports = append(reports, v.String())
		}
		if d.Err != nil {
			reports = append(reports, "error: "+d.Err.Error())
		}
	}
	s := shadow.New(other, cfg)
	h := s.Middleware(answer)
	var serving sync.WaitGroup // since Close does not wait for a handler that has hijacked
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		h.ServeHTTP(w, r)
	}))
	play(server.Listener.Addr().String())
	server.Close()
	serving.Wait()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return reports, s.Stats()
}

// talk opens a connection.
func talk(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, bufio.NewReader(conn)
}

// line reads a line, and the rest of the header after it.
func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	first := ""
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", first, err)
		}
		if text = strings.TrimSpace(text); text == "" {
			return first
		} else if first == "" {
			first = text
		}
	}
}

// TestShadowContentLength: a body shorter than its Content-Length is reported as such,
// on either side, and only as that if the bodies are the same.
func TestShadowContentLength(t *testing.T) {
	declares := func(length int, writes ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", fmt.Sprint(length))
			for _, text := range writes {
				io.WriteString(w, text)
			}
		})
	}
	bare := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.WriteHeader(status)
		})
	}
	for _, c := range []struct {
		why           string
		method        string
		answer, other http.Handler
		want          []string
	}{
		{"whole", "GET", declares(3, "abc"), declares(3, "abc"), nil},
		{"the shadow is cut", "GET", declares(3, "abc"), declares(3, "ab"), []string{"length: 3 bytes, shadow: 2 of 3 bytes", "body at byte 2"}},
		{"the answer is cut", "GET", declares(3, "ab"), declares(3, "abc"), []string{"length: 2 of 3 bytes, shadow: 3 bytes", "body at byte 2"}},
		{"the same bytes, of which one is cut", "GET", declares(2, "ab"), declares(3, "ab"), []string{"length: 2 bytes, shadow: 2 of 3 bytes"}},
		{"nothing of it", "GET", declares(0), declares(3), []string{"length: 0 bytes, shadow: 0 of 3 bytes"}},
		{"both are cut", "GET", declares(3, "ab"), declares(3, "ab"), nil},
		{"a write beyond it is dropped by a server", "GET", declares(3, "ab", "cd"), declares(3, "ab", "cd"), nil},
		{"a write beyond it, on one side", "GET", declares(3, "ab", "c"), declares(3, "ab", "cd"), []string{"length: 3 bytes, shadow: 2 of 3 bytes", "body at byte 2"}},
		{"HEAD has no body", "HEAD", declares(3), declares(3), nil},
		{"nor has 304", "GET", bare(304), bare(304), nil},
	} {
		t.Run(c.why, func(t *testing.T) {
			reports, stats := beside(t, c.answer, c.other, shadow.Config{}, func(addr string) {
				r, err := http.NewRequest(c.method, "http://"+addr, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.ReadAll(resp.Body) // which fails if it is cut
				resp.Body.Close()
			})
			http.DefaultClient.CloseIdleConnections()
			if len(reports) != len(c.want) || stats.Compared != 1 {
				t.Fatalf("reports %q, want %q; %s", reports, c.want, stats)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(reports[i], want) {
					t.Errorf("report %q, want %q", reports[i], want)
				}
			}
		})
	}
}

// TestShadowContentLengthUnderProxy: a server that breaks off below a proxy, which
// panics, is reported too.
func TestShadowContentLengthUnderProxy(t *testing.T) {
	breaks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "9")
		io.WriteString(w, "half")
	}))
	defer breaks.Close()
	to, err := url.Parse(breaks.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	ask := func(addr string) {
		if resp, err := http.Get("http://" + addr); err == nil {
			_, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		http.DefaultClient.CloseIdleConnections()
	}
	reports, stats := beside(t, text("text/plain", "whole"), proxy, shadow.Config{}, ask)
	if len(reports) != 1 || !strings.Contains(reports[0], "broke off") || stats.Failed != 1 {
		t.Errorf("as the shadow: %q, %s", reports, stats)
	}
	reports, stats = beside(t, proxy, text("text/plain", "whole"), shadow.Config{}, ask)
	if len(reports) != 0 || stats.Reasons[shadow.Unfinished] != 1 {
		t.Errorf("as the one that answers: %q, %s", reports, stats)
	}
}

// TestShadowHijack: the connection of a request without Upgrade is hijacked, by one of
// the handlers.
func TestShadowHijack(t *testing.T) {
	for name, take := range map[string]func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error){
		"http.Hijacker": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) { return w.(http.Hijacker).Hijack() },
		"ResponseController": func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		},
	} {
		hijacks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := take(w)
			if err != nil {
				panic(err)
			}
			defer conn.Close()
			io.WriteString(conn, "HTTP/1.1 299 Mine\r\nConnection: close\r\n\r\nraw")
		})
		ask := func(want string) func(string) {
			return func(addr string) {
				conn, r := talk(t, addr)
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				status := line(t, r)
				body, err := io.ReadAll(r)
				if got := status + " " + string(body); got != want || err != nil {
					t.Errorf("%s: the client got %q, %v, want %q", name, got, err, want)
				}
			}
		}
		asked := false
		other := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true })
		reports, stats := beside(t, hijacks, other, shadow.Config{}, ask("HTTP/1.1 299 Mine raw"))
		if asked || len(reports) > 0 || stats.Reasons[shadow.Upgrade] != 1 {
			t.Errorf("%s by the one that answers: %q, %s", name, reports, stats)
		}
		reports, stats = beside(t, text("text/plain", "whole"), hijacks, shadow.Config{}, ask("HTTP/1.1 200 OK whole"))
		if len(reports) != 1 || stats.Failed != 1 {
			t.Errorf("%s by the shadow: %q, %s", name, reports, stats)
		}
	}
}

// TestShadowExpectContinue: a client that waits for 100 Continue gets it when the
// handler reads, and the shadow gets the body without requesting it.
func TestShadowExpectContinue(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	cfg := shadow.Config{Methods: []string{"POST"}}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.Copy(w, r.Body)
	})
	var expected []string
	other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		expected = r.Header["Expect"]
		echo(w, r)
	})
	reports, stats := beside(t, echo, other, cfg, func(addr string) {
		conn, r := talk(t, addr)
		io.WriteString(conn, head)
		if got := line(t, r); got != "HTTP/1.1 100 Continue" {
			t.Errorf("first %q", got)
		}
		io.WriteString(conn, "body")
		status := line(t, r)
		if body, err := io.ReadAll(r); status != "HTTP/1.1 200 OK" || string(body) != "body" || err != nil {
			t.Errorf("then %q %q %v", status, body, err)
		}
	})
	if len(reports) > 0 || stats.Compared != 1 || expected != nil {
		t.Errorf("%q, %s, Expect %q", reports, stats, expected)
	}

	reports, stats = beside(t, http.NotFoundHandler(), other, cfg, func(addr string) {
		conn, r := talk(t, addr)
		io.WriteString(conn, head)
		if got := line(t, r); got != "HTTP/1.1 404 Not Found" {
			t.Errorf("to a body that is not wanted: %q", got)
		}
	})
	if len(reports) > 0 || stats.Reasons[shadow.BodyNotRead] != 1 {
		t.Errorf("a body that is not wanted: %q, %s", reports, stats)
	}
}
