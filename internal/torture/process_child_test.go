package torture_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// The service runs in a child process, which is the test binary again: its memory and
// its goroutines are separate, its memory can be limited, and it can be killed. The
// child gets commands on its standard input, a word per line, and replies to each with
// a report. It ends when its input does, so that none outlives the tests.

// A report is the state of a child.
type report struct {
	Addr        string // in the first report
	Goroutines  int
	Heap        uint64 // in use; in the report of "peak" the maximum since "collect"
	Records     int    // at level Error in the log of the service
	Panics      int    // that reached net/http, other than http.ErrAbortHandler
	Superfluous int    // net/http's warnings about a second WriteHeader
	Smuggled    int    // requests that no client has sent
	Begun       int    // requests that have reached a handler
	Stacks      string
	Failure     string
}

// A built service is a handler and its cleanup.
type built struct {
	http.Handler
	shutdown func() // when the server begins to shut down
	close    func(context.Context) error
}

// counters are the counts of a service for the report.
type counters struct {
	records, panics, superfluous, smuggled, begun atomic.Int64
}

// serve serves the result of build, and executes commands, until its input ends.
func serve(build func(*slog.Logger, *counters) built) error {
	count := new(counters)
	logger := slog.New(countingLog{slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}), count})
	slog.SetDefault(logger)
	service := build(logger, count)
	ending, end := context.WithCancel(context.Background())
	defer end()
	pieces := &host{logger: logger, ending: ending}
	mux := http.NewServeMux()
	mux.Handle("/", service)
	for at, p := range steady() {
		mux.Handle(at+"/", http.StripPrefix(at, p.make(pieces)))
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count.begun.Add(1)
			mux.ServeHTTP(w, r)
		}),
		Protocols:         &protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       time.Minute,
		ErrorLog:          log.New(complaints{count}, "", 0),
	}
	manyFields(server)
	server.RegisterOnShutdown(service.shutdown)
	server.RegisterOnShutdown(end)
	defer pieces.end()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	inUse := testkit.WatchHeap()
	out := json.NewEncoder(os.Stdout)
	out.Encode(report{Addr: listener.Addr().String()})
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		var stacks, failure string
		heap := inUse.Used()
		switch commands.Text() {
		case "collect":
			heap = inUse.Forget()
		case "peak":
			heap = inUse.Peak()
		case "stacks":
			stacks = testkit.Stacks()
		case "shutdown":
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := server.Shutdown(ctx)
			if err == nil {
				err = service.close(ctx)
			}
			cancel()
			<-served
			if err != nil {
				failure = err.Error()
			}
		}
		out.Encode(report{
			Goroutines:  runtime.NumGoroutine(),
			Heap:        heap,
			Records:     int(count.records.Load()),
			Panics:      int(count.panics.Load()),
			Superfluous: int(count.superfluous.Load()),
			Smuggled:    int(count.smuggled.Load()),
			Begun:       int(count.begun.Load()),
			Stacks:      stacks,
			Failure:     failure,
		})
	}
	return commands.Err()
}

// countingLog counts the records and passes them on.
type countingLog struct {
	slog.Handler
	*counters
}

func (l countingLog) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level >= slog.LevelError {
		l.records.Add(1)
	}
	return l.Handler.Handle(ctx, rec)
}

func (l countingLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l countingLog) WithGroup(string) slog.Handler      { return l }

// complaints receives the error log of net/http.
type complaints struct{ *counters }

func (c complaints) Write(p []byte) (int, error) {
	switch {
	case bytes.Contains(p, []byte("panic serving")):
		c.panics.Add(1)
	case bytes.Contains(p, []byte("superfluous")):
		c.superfluous.Add(1)
	}
	return os.Stderr.Write(p)
}

// A tail keeps the end of a child's standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
	race bool
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 256 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.race = t.race || bytes.Contains(p, []byte("DATA RACE"))
	t.text = append(t.text, p...)
	if len(t.text) > 2*most {
		t.text = append(t.text[:0], t.text[len(t.text)-most:]...)
	}
	return len(p), nil
}

// said returns the last lines, shortened.
func (t *tail) said() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 4 << 10
	text := string(t.text)
	if i := strings.Index(text, "DATA RACE"); i >= 0 {
		text = text[i:]
		return text[:min(len(text), most)]
	}
	return text[max(0, len(text)-most):]
}

func (t *tail) raced() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.race
}

var _ io.Writer = (*tail)(nil)
