package torture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// A setting says how a piece is served.
type setting struct {
	protocol int  // 1 or 2
	alone    bool // otherwise inside a Recover, as in any service
	sockets  bool // otherwise in-memory connections

	// around is between the server and the piece. The request after the one with the
	// fault bypasses it.
	around func(http.Handler) http.Handler
}

func (s setting) String() string {
	text := fmt.Sprintf("HTTP/%d", s.protocol)
	if s.alone {
		text += ", alone"
	}
	return text
}

// settings are the default settings of every fault. A piece that is alone has no more
// goroutines than one that is not, so the race detector needs no more.
var settings = []setting{{protocol: 1}, {protocol: 2}, {protocol: 1, alone: true}}[:ways]

// A site is a server with one piece.
type site struct {
	testkit.Log
	setting
	testkit.Network
	piece  *piece
	watch  watch
	server *http.Server
	client *http.Client
	host   host
	served chan struct{}

	mu         sync.Mutex
	complaints []string // of net/http
}

// open starts a server with the piece. It must be closed.
func open(p *piece, s setting) (*site, error) {
	t := &site{piece: p, setting: s, Network: testkit.InMemory(), served: make(chan struct{})}
	if s.sockets {
		var err error
		if t.Network, err = testkit.Loopback(); err != nil {
			return nil, err
		}
	}
	slog.SetDefault(t.Logger())
	ending, end := context.WithCancel(context.Background())
	t.host = host{logger: t.Logger(), ending: ending, atEnd: []func(){end}}

	h := p.make(&t.host)
	if !s.alone {
		h = middleware.Recover(t.Logger())(h)
	}
	if s.around != nil {
		faulty, sound := s.around(h), h
		h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(nextField) != "" {
				sound.ServeHTTP(w, r)
				return
			}
			faulty.ServeHTTP(w, r)
		})
	}
	var protocols http.Protocols
	protocols.SetHTTP1(s.protocol == 1)
	protocols.SetUnencryptedHTTP2(s.protocol == 2)
	t.server = &http.Server{Handler: t.watch.over(h), Protocols: &protocols, ErrorLog: log.New(t, "", 0)}
	t.server.RegisterOnShutdown(end)
	go func(l net.Listener) { defer close(t.served); _ = t.server.Serve(l) }(t.Network)
	t.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Protocols:          &protocols,
			DisableCompression: true,
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return t.Dial(ctx) },
		},
	}
	return t, nil
}

func (t *site) close() {
	t.client.CloseIdleConnections()
	_ = t.server.Close()
	<-t.served
	t.host.end()
	t.settle()
}

// settle waits until everything that the requests started has ended. With sockets that
// is known only at the end of the test.
func (t *site) settle() {
	if !t.sockets {
		time.Sleep(time.Second) // net/http lingers for half of that on a connection that it ends early
		synctest.Wait()
	}
}

// Write receives the error log of net/http.
func (t *site) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complaints = append(t.complaints, strings.TrimSpace(string(p)))
	return len(p), nil
}

// complained reports whether the error log of net/http contains the text.
func (t *site) complained(of string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.complaints, func(said string) bool { return strings.Contains(said, of) })
}

// failures counts the records of failed requests.
func (t *site) failures() (n int) {
	for _, rec := range t.Records() {
		if rec.Level >= slog.LevelError {
			n++
		}
	}
	return n
}

// nextField marks a request without a fault.
const nextField = "X-Next"

// send sends the request of the piece, with another body if body is not nil.
func (t *site) send(body io.Reader, next bool) answer {
	if body == nil {
		body = strings.NewReader(t.piece.body)
	}
	r, err := http.NewRequest(t.piece.method, "http://site.test"+t.piece.path, body)
	if err != nil {
		return answer{err: err}
	}
	if t.piece.body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for name, value := range t.piece.fields {
		r.Header.Set(name, value)
	}
	if next {
		r.Header.Set(nextField, "1")
		r.Header.Set("Idempotency-Key", "1") // so that it is sent again if the connection was just closed
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	return received(resp)
}

func received(resp *http.Response) answer {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text), err: err}
}

// A watch is between the server and everything else, and detects what must not reach
// the server.
type watch struct {
	mu     sync.Mutex
	panics []any
	late   []string
}

func (o *watch) over(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g := &guard{ResponseWriter: w, watch: o}
		defer func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			g.over = true
			if v := recover(); v != nil {
				o.panics = append(o.panics, v)
				panic(http.ErrAbortHandler)
			}
		}()
		h.ServeHTTP(g, r)
	})
}

// A guard is the writer of one request. Calls after the handler has returned are
// recorded, not executed: net/http would mix them into the next response on the
// connection.
type guard struct {
	http.ResponseWriter
	watch *watch
	over  bool // guarded by the watch
}

var errLate = errors.New("written after the handler has returned")

func (g *guard) in(call string) (ok bool) {
	g.watch.mu.Lock()
	defer g.watch.mu.Unlock()
	if g.over {
		g.watch.late = append(g.watch.late, call)
	}
	return !g.over
}

func (g *guard) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *guard) WriteHeader(status int) {
	if g.in("WriteHeader") {
		g.ResponseWriter.WriteHeader(status)
	}
}

func (g *guard) Write(p []byte) (int, error) {
	if !g.in("Write") {
		return 0, errLate
	}
	return g.ResponseWriter.Write(p)
}

func (g *guard) FlushError() error {
	if !g.in("Flush") {
		return errLate
	}
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func (g *guard) SetReadDeadline(to time.Time) error {
	if !g.in("SetReadDeadline") {
		return errLate
	}
	return http.NewResponseController(g.ResponseWriter).SetReadDeadline(to)
}

func (g *guard) SetWriteDeadline(to time.Time) error {
	if !g.in("SetWriteDeadline") {
		return errLate
	}
	return http.NewResponseController(g.ResponseWriter).SetWriteDeadline(to)
}

// left returns the remaining goroutines of the bubble, except its first.
func (t *site) left() (stacks []string) {
	if t.sockets {
		return nil
	}
	own, rest, _ := strings.Cut(testkit.Stacks(), "\n\n")
	bubble := bubbleOf(own)
	for stack := range strings.SplitSeq(rest, "\n\n") {
		if bubbleOf(stack) == bubble && !strings.Contains(stack, "testing.") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// bubbleOf returns the bubble that the first line of a stack names.
func bubbleOf(stack string) string {
	line, _, _ := strings.Cut(stack, "\n")
	_, name, _ := strings.Cut(line, "synctest bubble ")
	return strings.TrimRight(name, "]:")
}
