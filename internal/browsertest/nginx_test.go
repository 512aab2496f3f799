package browsertest

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// nginxConfig makes nginx proxy with both HTTP versions that it supports, and compress
// what it can. Its timeout is a second, where a minute is usual.
const nginxConfig = `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	proxy_read_timeout 1s;
	gzip on;
	gzip_proxied any;
	gzip_min_length 0;
	gzip_types *;
	server {
		listen %[1]s;
		location /1.0/ {
			proxy_pass http://%[2]s/;
		}
		location /1.1/ {
			proxy_pass http://%[2]s/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}
}
`

// startNginx returns the address of an nginx in front of the service, and its directory.
func startNginx(t *testing.T, template, service string) (at, dir string) {
	path, err := exec.LookPath("nginx")
	if err != nil {
		missing(t, "nginx", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = l.Addr().String()
	l.Close()
	dir = t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, template, at, service), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	nginx := exec.Command(path, "-p", dir, "-c", config)
	nginx.Stderr = &said
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", said.String())
		}
	})
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", at); err == nil {
			conn.Close()
			return at, dir
		}
	}
	t.Fatal("nginx does not listen")
	return "", ""
}

// A leg is one path from the service to a client.
type leg struct {
	version    string // of HTTP between nginx and the service
	compressed bool
	from       string

	live, lively http.Handler // lively sends heartbeats, live none
	publish      func(stream.Event) error
	left         func() bool

	slowest time.Duration
	beats   int
	err     error // of the client whose stream was cut
}

func (l *leg) String() string {
	return fmt.Sprintf("HTTP %s, gzip %v, %s", l.version, l.compressed, l.from)
}

const beat = 200 * time.Millisecond

func (l *leg) fromHub() {
	silent := hub.New(hub.Config{Heartbeat: -1})
	lively := hub.New(hub.Config{Heartbeat: beat})
	listen := func(h *hub.Hub) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: []string{"t"}})
		}
	}
	l.live, l.lively = listen(silent), listen(lively)
	l.publish = func(e stream.Event) error {
		_, err := silent.Publish(context.Background(), "t", e)
		return err
	}
	l.left = func() bool { return silent.Stats().Subscribers == 0 }
}

func (l *leg) fromHandler() {
	events := make(chan stream.Event)
	var left atomic.Bool
	send := func(s *stream.Stream) error {
		if err := s.Flush(); err != nil {
			return err
		}
		for {
			select {
			case e := <-events:
				if err := s.Send(e); err != nil {
					return err
				}
			case <-s.Context().Done():
				left.Store(true)
				return nil
			}
		}
	}
	l.live = stream.Handler(stream.Config{Heartbeat: -1}, send)
	l.lively = stream.Handler(stream.Config{Heartbeat: beat}, send)
	l.publish = func(e stream.Event) error { events <- e; return nil }
	l.left = left.Load
}

// TestNginx: through nginx, events arrive one by one, heartbeats keep the stream open
// beyond its timeout, and a stream that breaks off looks broken.
func TestNginx(t *testing.T) {
	mux := http.NewServeMux()
	var legs []*leg
	for _, version := range []string{"1.0", "1.1"} {
		for _, compressed := range []bool{false, true} {
			for _, from := range []string{"hub", "stream.Handler"} {
				l := &leg{version: version, compressed: compressed, from: from}
				if from == "hub" {
					l.fromHub()
				} else {
					l.fromHandler()
				}
				path := fmt.Sprint("/", len(legs))
				mux.Handle(path+"/live", l.live)
				mux.Handle(path+"/lively", l.lively)
				legs = append(legs, l)
			}
		}
	}
	passed := make(chan bool)
	mux.Handle("/cut", stream.Handler(stream.Config{Logger: slog.New(slog.DiscardHandler)}, func(s *stream.Stream) error {
		if err := s.Send(stream.Event{Data: "half"}); err != nil {
			return err
		}
		<-passed
		return errors.New("the other half is gone")
	}))
	service := httptest.NewServer(mux)
	defer service.Close()
	defer service.CloseClientConnections()
	nginx, _ := startNginx(t, nginxConfig, service.Listener.Addr().String())

	var running sync.WaitGroup
	for i, l := range legs {
		running.Go(func() {
			t.Run(l.String(), func(t *testing.T) {
				base := "http://" + nginx + "/" + l.version
				l.isLive(t, fmt.Sprint(base, "/", i, "/live"))
				l.isLively(t, fmt.Sprint(base, "/", i, "/lively"))
				lines, leave := get(t, base+"/cut", l.compressed)
				defer leave()
				until(t, lines, "data: half")
				passed <- true
				for lines.Scan() {
				}
				if l.err = lines.Err(); l.err == nil {
					t.Error("a stream that broke off ended in good order")
				}
			})
		})
	}
	running.Wait()

	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "to the service\tcompressed\tfrom\tlive\theartbeats\tcut off")
	for _, l := range legs {
		fmt.Fprintf(w, "HTTP/%s\t%v\t%s\t20 of 20, %v at most\t%d in 2.5 s\t%v\n",
			l.version, l.compressed, l.from, l.slowest.Round(100*time.Microsecond), l.beats, l.err)
	}
	w.Flush()
	t.Logf("\n%s", text.String())
}

// isLive publishes each event after the previous one has arrived. No other bytes are
// sent: an event that is buffered never arrives.
func (l *leg) isLive(t *testing.T, url string) {
	lines, leave := get(t, url, l.compressed)
	for i := range 20 {
		data := fmt.Sprint("event ", i)
		start := time.Now()
		if err := l.publish(stream.Event{Data: data}); err != nil {
			t.Fatal(err)
		}
		until(t, lines, "data: "+data)
		l.slowest = max(l.slowest, time.Since(start))
	}
	leave()
	for start := time.Now(); !l.left(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > patience {
			t.Fatal("the service is not told that the client has left")
		}
	}
}

// isLively listens for two and a half times the timeout of nginx.
func (l *leg) isLively(t *testing.T, url string) {
	lines, leave := get(t, url, l.compressed)
	defer leave()
	for start := time.Now(); time.Since(start) < 2500*time.Millisecond; {
		if !lines.Scan() {
			t.Fatalf("the stream has ended after %v: %v", time.Since(start), lines.Err())
		}
		if strings.HasPrefix(lines.Text(), ":") {
			l.beats++
		}
	}
	if l.beats < 2 {
		t.Errorf("%d heartbeats", l.beats)
	}
}

// get opens a stream and returns its lines.
func get(t *testing.T, url string, compressed bool) (*bufio.Scanner, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if compressed {
		r.Header.Set("Accept-Encoding", "gzip")
	}
	client := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	if resp.StatusCode != 200 {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	if got := resp.Header.Get("Content-Encoding"); (got == "gzip") != compressed {
		t.Fatalf("Content-Encoding %q, asked for gzip: %v", got, compressed)
	}
	var body io.Reader = resp.Body
	if compressed {
		body = &lazyGzip{from: resp.Body}
	}
	return bufio.NewScanner(body), cancel
}

// lazyGzip waits for the first bytes only when it is read.
type lazyGzip struct {
	from io.Reader
	*gzip.Reader
}

func (z *lazyGzip) Read(p []byte) (n int, err error) {
	if z.Reader == nil {
		if z.Reader, err = gzip.NewReader(z.from); err != nil {
			return 0, err
		}
	}
	return z.Reader.Read(p)
}

// until reads up to the line want.
func until(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
	}
	t.Fatalf("the stream ended before %q: %v", want, lines.Err())
}
