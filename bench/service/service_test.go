package service

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	Main()
	os.Setenv("GORACE", "atexit_sleep_ms=0") // or each server takes a second to end
	m.Run()
}

// serveHere serves in this process until the test ends.
func serveHere(t *testing.T, s server, timeout time.Duration) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go s.listen(timeout)(l)
	return l.Addr().String()
}

func chunked(body string) string {
	return fmt.Sprintf("POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

// TestAnswers compares the responses of the services.
func TestAnswers(t *testing.T) {
	refused := func(text string, status int) request {
		return request{text: text, status: status, mediaType: "application/json", want: jsonOf(failure(status).body())}
	}
	with := func(old, new string) string { return strings.Replace(newPostText, old, new, 1) }
	created := measured()[0]
	trailing, chunks := created, created
	trailing.text = postJSON(newPostText + " x")
	chunks.text = chunked(newPostText)
	tooMuch := chunked(strings.Repeat(" ", bodyLimit+1))
	cases := []struct {
		name, why string
		request
		// but lists the servers with another response.
		but map[string]request
	}{
		{"chunked", "not every client knows the length", chunks, nil},
		{"cut off", "a syntax error", refused(postJSON(newPostText[:100]), 400), nil},
		{"not JSON", "a syntax error at once", refused(postJSON("title=x"), 400), nil},
		{"wrong type", "a number for a string", refused(postJSON(with(`"A title of the usual length"`, "1")), 400), nil},
		{"rule", "what is no address", refused(postJSON(with("ada@example.org", "ada")), 422), nil},
		{"rule within a list", "an empty tag", refused(postJSON(with(`"go"`, `""`)), 422), nil},
		{"missing", "required means there", refused(postJSON("{}"), 422), nil},
		{"too long", "refused by the length alone", refused(fmt.Sprintf("POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", bodyLimit+1, strings.Repeat(" ", bodyLimit+1)), 413), nil},
		{"too long, chunked", "refused while it is read", refused(tooMuch, 413), nil},
		{"trailing", "two values, or half of something else", refused(postJSON(newPostText+" x"), 400), map[string]request{"gin": trailing}},
		{"no number", "the parameter is looked at", refused(get("/api/posts/x"), 400), nil},
		{"no such post", "the handler's own 404", refused(get("/api/posts/1001"), 404), nil},
		{"no such route", "the router's 404", refused(get("/api/nothing"), 404), nil},
		{"no events", "an error before a stream", refused(get("/api/events/x"), 400), nil},
	}
	eachServer(t, func(t *testing.T, s server) {
		addr := serveHere(t, s, replyTimeout)
		for _, r := range measured() {
			if _, err := r.verify(addr); err != nil {
				t.Errorf("%s: %v", r.metric, err)
			}
		}
		for _, c := range cases {
			r := c.request
			if strings.HasPrefix(c.name, "too long") && (strings.HasSuffix(s.name, "without a limit on bodies") || strings.HasSuffix(s.name, "without all of these")) {
				r = refused(r.text, 400) // blanks alone, which are no JSON
			}
			if other, ok := c.but[s.name]; ok {
				r = other
			}
			if _, err := r.verify(addr); err != nil {
				t.Errorf("%s (%s): %v", c.name, c.why, err)
			}
		}
	})
}

// eachServer tests all servers of all groups. A group for loads has those of another.
func eachServer(t *testing.T, test func(*testing.T, server)) {
	for _, g := range groups() {
		if g.loads != nil {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			for _, s := range g.servers {
				s.group = g.name
				t.Run(s.name, func(t *testing.T) {
					t.Parallel()
					test(t, s)
				})
			}
		})
	}
}

// TestPromises shows which services keep a promise: an enforced timeout, a response
// to a panic, and 304 for a matching ETag.
func TestPromises(t *testing.T) {
	header := func(addr, name string) string {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, get("/api/posts/1"))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.Header.Get(name)
	}
	eachServer(t, func(t *testing.T, s server) {
		addr := serveHere(t, s, 300*time.Millisecond)
		kit := strings.HasPrefix(s.name, "apiece")
		all := s.group == "same promises"
		lacks := func(what string) bool {
			return !kit && !all || s.group == "equal promises" || kit && (strings.HasSuffix(s.name, "without "+what) || strings.HasSuffix(s.name, "without all of these"))
		}
		slow, panicked := 504, 500
		switch {
		case all && !kit:
			slow = 503 // an http.TimeoutHandler has no other
		case s.name != "fiber" && lacks("Timeout"):
			slow = 200
		}
		if s.name == bare && !all {
			panicked = 0
		}
		for path, want := range map[string]int{"slow": slow, "panic": panicked} {
			if got := status(t, addr, get("/api/"+path)); got != want {
				t.Errorf("%s: status %d, want %d", path, got, want)
			}
		}
		for name, lacking := range map[string]bool{"Etag": lacks("ETag"), "X-Content-Type-Options": lacks("nosniff")} {
			if got := header(addr, name); (got == "") != lacking {
				t.Errorf("%s: %q", name, got)
			}
		}
		if tag := header(addr, "Etag"); tag != "" {
			again := strings.Replace(get("/api/posts/1"), "\r\n\r\n", "\r\nIf-None-Match: "+tag+"\r\n\r\n", 1)
			if got := status(t, addr, again); got != 304 {
				t.Errorf("a client that has it: status %d, want 304", got)
			}
		}
		if s.name == "fiber" {
			return // it has a stream of its own
		}
		// One that fails in the middle must not look complete.
		_, err := request{text: get("/api/events/-1"), status: 200, mediaType: "text/event-stream", want: "post " + event + "\n"}.verify(addr)
		if cut := kit || s.name == bare || all; (err != nil) != cut {
			t.Errorf("a stream that fails: %v, to be cut: %v", err, cut)
		}
	})
}

// status returns the status of an answer, 0 if there is none.
func status(t *testing.T, addr, text string) int {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, text)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
