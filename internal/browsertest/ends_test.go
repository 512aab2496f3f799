package browsertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// ends are the ways in which the second connection of a client ends. The first has an
// event and ends in good order, or is cut for clients that would not reconnect.
var ends = []struct {
	name    string
	handler http.Handler
}{
	{"in good order", ending(nil, true)},
	{"cut", ending(errors.New("cut"), true)},
	{"204", ending(stream.ErrStop, false)},
	{"503", ending(reply.NewError(503, "full"), false)},
}

func ending(err error, begun bool) http.Handler {
	return stream.Handler(stream.Config{Logger: slog.New(slog.DiscardHandler)}, func(s *stream.Stream) error {
		if begun {
			if err := s.Send(stream.Event{ID: "1", Data: `"x"`, Retry: pulse}); err != nil {
				return err
			}
		}
		return err
	})
}

// comesBack says for each client after which of the ends it reconnects.
var comesBack = map[string][]bool{
	"Chromium":                      {true, true, false, false},
	"eventsource":                   {true, true, false, false},
	"eventsource-client":            {true, true, false, true},
	"event-source-polyfill":         {true, true, true, false},
	"@microsoft/fetch-event-source": {true, true, true, true},
	"undici EventSource":            {true, true, false, false},
	"launchdarkly/eventsource":      {true, true, true, true},
	"tmaxmax/go-sse":                {true, true, false, false},
	"r3labs/sse":                    {true, true, true, true},
	"httpx-sse":                     {true, true, true, true},
}

// TestStreamEnds: the documentation of package stream is right about each client.
func TestStreamEnds(t *testing.T) {
	var running sync.WaitGroup
	var mu sync.Mutex
	rows := make(map[string][]string)
	for _, c := range slices.Concat([]client{eventSource}, nodeClients, goClients, pythonClients) {
		running.Go(func() {
			t.Run(c.name, func(t *testing.T) {
				listen := c.start(t)
				var all sync.WaitGroup
				row := make([]string, len(ends))
				for i, end := range ends {
					all.Go(func() {
						t.Run(end.name, func(t *testing.T) {
							back := returns(t, listen, end.handler, comesBack[c.name][i])
							row[i] = map[bool]string{true: "comes back", false: "stays away"}[back]
							if back != comesBack[c.name][i] {
								t.Errorf("the client %s", row[i])
							}
						})
					})
				}
				all.Wait()
				mu.Lock()
				defer mu.Unlock()
				rows[c.name] = row
			})
		})
	}
	running.Wait()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "client")
	for _, end := range ends {
		fmt.Fprint(w, "\t", end.name)
	}
	fmt.Fprintln(w)
	for name, row := range rows {
		fmt.Fprintf(w, "%s\t%s\n", name, strings.Join(row, "\t"))
	}
	w.Flush()
	t.Logf("\n%s", text.String())
}

// returns reports whether the client reconnects after the end of its second connection.
// It waits as long as needed if that is expected, else two seconds.
func returns(t *testing.T, listen listener, second http.Handler, expected bool) bool {
	var mu sync.Mutex
	n := 0
	ended, third := make(chan bool), make(chan bool)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, page, "/events")
			return
		}
		mu.Lock()
		n++
		now := n
		mu.Unlock()
		switch now {
		case 1:
			ending(errors.New("cut"), true).ServeHTTP(w, r)
		case 2:
			defer close(ended)
			second.ServeHTTP(w, r)
		case 3:
			close(third)
			fallthrough
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	defer s.Close()
	defer s.CloseClientConnections()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	gone := make(chan bool)
	go func() {
		defer close(gone)
		_ = listen(ctx, s.URL+"/events", func(message) {})
	}()
	defer func() { cancel(); <-gone }()
	select {
	case <-ended:
	case <-ctx.Done():
		t.Fatal("the client does not come back from a stream that was cut")
	}
	wait := 2 * time.Second
	if expected {
		wait = 20 * time.Second
	}
	select {
	case <-third:
		return true
	case <-gone: // it has given up
		return false
	case <-time.After(wait):
		return false
	}
}
