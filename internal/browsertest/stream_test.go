package browsertest

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A feed is a server whose event streams can be cut, and a page of its own on which a
// browser listens to one.
type feed struct {
	*httptest.Server
	hub *hub.Hub

	mu       sync.Mutex
	cut      func()         // ends the stream that is open
	asked    []http.Request // requests for the stream, and preflights
	accepted chan bool      // a value for each stream that began
	held     chan bool      // unless nil, streams wait until it is closed
}

const page = `<!doctype html><script>
	const got = [], states = []
	let opened = 0
	const source = new EventSource(%q)
	const keep = e => got.push({type: e.type, data: e.data, id: e.lastEventId})
	source.onmessage = keep
	source.addEventListener("tick", keep)
	source.addEventListener("gap", keep)
	source.onopen = () => opened++
	source.onerror = () => states.push(source.readyState)
</script>`

// received is the page's record of an event.
type received struct{ Type, Data, ID string }

func newFeed(t *testing.T, cfg hub.Config, around func(http.Handler) http.Handler) *feed {
	if cfg.Retry == 0 {
		cfg.Retry = 20 * time.Millisecond
	}
	f := &feed{hub: hub.New(cfg), accepted: make(chan bool, 1000)}
	mux := http.NewServeMux()
	mux.Handle("/events", around(http.HandlerFunc(f.events)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		from := r.FormValue("from")
		fmt.Fprintf(w, page, from)
	})
	f.Server = httptest.NewUnstartedServer(mux)
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.Start()
	t.Cleanup(func() {
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func asIs(h http.Handler) http.Handler { return h }

func (f *feed) events(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked = append(f.asked, *r)
	n, held := len(f.asked), f.held
	f.mu.Unlock()
	if held != nil {
		<-held
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	f.mu.Lock()
	f.cut = cancel
	f.mu.Unlock()
	f.accepted <- true
	_ = f.hub.Serve(w, r.WithContext(ctx), hub.Subscription{Topics: []string{"t"}})
	switch n % 3 { // streams end in good order, are aborted, and are reset
	case 1:
		panic(http.ErrAbortHandler)
	case 2:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}
}

// drop cuts the open stream and waits until the browser has reconnected.
func (f *feed) drop() {
	f.mu.Lock()
	f.cut()
	f.mu.Unlock()
	<-f.accepted
}

// hold rejects the browser until the returned function is called.
func (f *feed) hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	held := make(chan bool)
	f.held = held
	return func() {
		f.mu.Lock()
		f.held = nil
		f.mu.Unlock()
		close(held)
		<-f.accepted
	}
}

func (f *feed) publish(t *testing.T, e stream.Event) string {
	t.Helper()
	id, err := f.hub.Publish(t.Context(), "t", e)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// browse starts a browser for any URL.
func browse(t *testing.T) context.Context {
	path := find(t)
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // as in open
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// listen opens the page, which listens to the stream at from.
func listen(t *testing.T, ctx context.Context, at *feed, from string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(at.URL+"/?from="+url.QueryEscape(from))); err != nil {
		t.Fatal(err)
	}
}

// wait waits until the expression is true on the page.
func wait(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression,
		chromedp.WithPollingInterval(5*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		state, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`JSON.stringify({state: source.readyState, opened, states, got: got.slice(-3)})`))
		t.Fatalf("%s: %v; the page has %s", expression, err, state)
	}
}

func got(t *testing.T, ctx context.Context) []received {
	t.Helper()
	events, err := chromedp.Run(ctx, chromedp.Evaluate[[]received](`got`))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestEventSource(t *testing.T) {
	ctx := browse(t)

	t.Run("fields", func(t *testing.T) {
		f := newFeed(t, hub.Config{}, asIs)
		listen(t, ctx, f, "/events")
		wait(t, ctx, `opened == 1`)
		var want []received
		for _, e := range []stream.Event{
			{Data: "plain"},
			{Name: "tick", Data: "two\nlines"},
			{Data: "\r\n\n leading line breaks and a space, ünïcode \u2028 and <b>"},
			{Name: "tick"},
			{Name: "message", Comment: "data: no", Retry: 20 * time.Millisecond},
			{Data: "event: tick\n\nid: evil\n"},
		} {
			id := f.publish(t, e)
			name := e.Name
			if name == "" {
				name = "message"
			}
			want = append(want, received{name, strings.ReplaceAll(e.Data, "\r\n", "\n"), id})
		}
		wait(t, ctx, fmt.Sprintf(`got.length >= %d`, len(want)))
		if got := got(t, ctx); !slices.Equal(got, want) {
			t.Errorf("received\n%q, want\n%q", got, want)
		}
	})

	t.Run("20 drops", func(t *testing.T) {
		const drops, each = 20, 25
		f := newFeed(t, hub.Config{}, asIs)
		listen(t, ctx, f, "/events")
		<-f.accepted
		wait(t, ctx, `opened == 1`)
		// After its first event a client has an id to reconnect with.
		ids := []string{f.publish(t, stream.Event{Data: "0"})}
		wait(t, ctx, `got.length >= 1`)
		for range drops {
			for range each {
				ids = append(ids, f.publish(t, stream.Event{Data: fmt.Sprint(len(ids))}))
			}
			f.drop()
		}
		ids = append(ids, f.publish(t, stream.Event{Data: fmt.Sprint(len(ids))}))
		wait(t, ctx, fmt.Sprintf(`got.length >= %d`, len(ids)))
		events := got(t, ctx)
		for i := range ids {
			if want := (received{"message", fmt.Sprint(i), ids[i]}); events[i] != want {
				t.Fatalf("event %d is %q, want %q", i, events[i], want)
			}
		}
		if len(events) != len(ids) {
			t.Errorf("%d events, want %d", len(events), len(ids))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, r := range f.asked {
			if id := r.Header.Get("Last-Event-ID"); (id != "") != (i > 0) {
				t.Errorf("request %d came with Last-Event-ID %q", i+1, id)
			}
		}
		t.Logf("%d events over %d connections: none lost, none twice", len(events), len(f.asked))
	})

	t.Run("dropped before any event", func(t *testing.T) {
		f := newFeed(t, hub.Config{PositionBlocks: true}, asIs)
		listen(t, ctx, f, "/events")
		<-f.accepted
		wait(t, ctx, `opened == 1`)
		release := f.hold()
		f.mu.Lock()
		f.cut()
		f.mu.Unlock()
		id := f.publish(t, stream.Event{Data: "while it was away"})
		release()
		wait(t, ctx, `got.length >= 1`)
		if got, want := got(t, ctx), (received{"message", "while it was away", id}); got[0] != want {
			t.Errorf("received %q, want %q", got, want)
		}
	})

	t.Run("gap", func(t *testing.T) {
		f := newFeed(t, hub.Config{MaxHistory: 3}, asIs)
		listen(t, ctx, f, "/events")
		<-f.accepted
		wait(t, ctx, `opened == 1`)
		first := f.publish(t, stream.Event{Data: "0"})
		wait(t, ctx, `got.length == 1`)
		release := f.hold()
		f.mu.Lock()
		f.cut()
		f.mu.Unlock()
		for i := range 10 {
			f.publish(t, stream.Event{Data: fmt.Sprint(i + 1)})
		}
		release()
		wait(t, ctx, `got.length >= 5`)
		var text []string
		for _, e := range got(t, ctx) {
			text = append(text, e.Type+":"+e.Data)
		}
		want := []string{"message:0", `gap:{"after":"` + first + `"}`, "message:8", "message:9", "message:10"}
		if !slices.Equal(text, want) {
			t.Errorf("received %q, want %q", text, want)
		}
	})

	t.Run("another origin", func(t *testing.T) {
		home := newFeed(t, hub.Config{}, asIs)
		away := newFeed(t, hub.Config{}, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Access-Control-Allow-Origin", home.URL)
				h.ServeHTTP(w, r)
			})
		})
		listen(t, ctx, home, away.URL+"/events")
		<-away.accepted
		wait(t, ctx, `opened == 1`)
		id := away.publish(t, stream.Event{Data: "one"})
		wait(t, ctx, `got.length == 1`)
		away.drop()
		away.publish(t, stream.Event{Data: "two"})
		wait(t, ctx, `got.length == 2`)
		away.mu.Lock()
		defer away.mu.Unlock()
		for _, r := range away.asked {
			if r.Method != "GET" {
				t.Errorf("a preflight: the id %q is not plain enough", id)
			}
		}
		if got := away.asked[1].Header.Get("Last-Event-ID"); got != id {
			t.Errorf("Last-Event-ID %q, want %q", got, id)
		}

		// Without that header the page cannot read the stream.
		closed := newFeed(t, hub.Config{}, asIs)
		listen(t, ctx, home, closed.URL+"/events")
		wait(t, ctx, `source.readyState == EventSource.CLOSED`)
	})

	t.Run("full", func(t *testing.T) {
		f := newFeed(t, hub.Config{MaxSubscribers: 1}, asIs)
		resp, err := http.Get(f.URL + "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		listen(t, ctx, f, "/events")
		wait(t, ctx, `states.length == 1`)
		wait(t, ctx, `source.readyState == EventSource.CLOSED`) // as MaxSubscribers says
	})

	t.Run("shut down", func(t *testing.T) {
		f := newFeed(t, hub.Config{}, asIs)
		listen(t, ctx, f, "/events")
		wait(t, ctx, `opened == 1`)
		if err := f.hub.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait(t, ctx, `opened >= 3 && source.readyState != EventSource.CLOSED`) // it keeps trying
	})
}
