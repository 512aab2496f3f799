// Package stream compares package stream with what Go services use to send
// events.
package stream

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
)

const topic = "t"

// A broker is one way to send published events to all subscribers.
type broker struct {
	name   string
	module string
	role   compare.Role
	make   func() instance
}

type instance struct {
	http.Handler
	publish func(data string)
}

var brokers = []broker{kitHub, writes, channels, gosseJoe, r3labs}

// The last event of a round is marked, so that clients need not count.
var (
	payload = payloads[0].data
	mark    = []byte("END")
	marked  = payload + "END"
)

// An audience is a number of clients that wait for the mark.
type audience struct {
	clients []client
	left    atomic.Int64
	all     chan bool
}

type client struct {
	*audience
	header  http.Header
	waiting atomic.Bool
	kept    atomic.Pointer[bytes.Buffer] // what it gets, unless it is nil
}

func newAudience(n int) *audience {
	a := &audience{clients: make([]client, n), all: make(chan bool, 1)}
	for i := range a.clients {
		a.clients[i].audience, a.clients[i].header = a, make(http.Header)
	}
	return a
}

// expect lets the clients wait for the next mark.
func (a *audience) expect() {
	a.left.Store(int64(len(a.clients)))
	for i := range a.clients {
		a.clients[i].waiting.Store(true)
	}
}

func (c *client) receive(p []byte) {
	if kept := c.kept.Load(); kept != nil {
		kept.Write(p)
	}
	if bytes.Contains(p, mark) && c.waiting.CompareAndSwap(true, false) && c.left.Add(-1) == 0 {
		c.all <- true
	}
}

// client is a ResponseWriter in the same process.
func (c *client) Header() http.Header         { return c.header }
func (c *client) WriteHeader(int)             {}
func (c *client) Flush()                      {}
func (c *client) Write(p []byte) (int, error) { c.receive(p); return len(p), nil }

// join calls publish until every client is subscribed.
func (a *audience) join(publish func(string)) {
	a.expect()
	for {
		publish(marked)
		select {
		case <-a.all:
			time.Sleep(20 * time.Millisecond) // for marks that are still under way
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// round publishes a burst and waits until every client has it.
func (a *audience) round(publish func(string), burst int) {
	a.expect()
	for range burst - 1 {
		publish(payload)
	}
	publish(marked)
	<-a.all
}

// A running broker has its audience connected.
type running struct {
	*audience
	publish func(string)
	stop    func()
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// inProcess calls the handlers directly.
func (b broker) inProcess(run *compare.Run, clients int) *running {
	a, i := newAudience(clients), b.make()
	ctx, cancel := context.WithCancel(context.Background())
	requests := make([]*http.Request, clients)
	for n := range requests {
		requests[n] = httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	}
	goroutines, before := runtime.NumGoroutine(), inUse()
	var wg sync.WaitGroup
	for n := range a.clients {
		wg.Go(func() { i.ServeHTTP(&a.clients[n], requests[n]) })
	}
	a.join(i.publish)
	run.Metric("B/client", math.Round(float64(inUse()-before)/float64(clients)))
	run.Metric("goroutines/client", math.Round(10*float64(runtime.NumGoroutine()-goroutines)/float64(clients))/10)
	return &running{a, i.publish, func() { cancel(); wg.Wait() }}
}

// connect has the clients of an audience read over connections of their own.
func (a *audience) connect(addr string) (hangUp func()) {
	var wg sync.WaitGroup
	var conns []net.Conn
	for n := range a.clients {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		conns = append(conns, conn)
		wg.Go(func() {
			buf := make([]byte, 16<<10)
			for {
				n2, err := conn.Read(buf)
				if err != nil {
					return
				}
				a.clients[n].receive(buf[:n2])
			}
		})
	}
	return func() {
		for _, conn := range conns {
			conn.Close()
		}
		wg.Wait()
	}
}

// overSockets has the clients connect over loopback.
func (b broker) overSockets(_ *compare.Run, clients int) *running {
	a, i := newAudience(clients), b.make()
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(i)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	hangUp := a.connect(server.Listener.Addr().String())
	a.join(i.publish)
	return &running{a, i.publish, func() {
		cancel()
		hangUp()
		server.CloseClientConnections()
		server.Close()
	}}
}

const burst = 200

// published compares the brokers with a number of clients and events per burst. It
// waits until every client has all events.
func published(name, text string, clients, events int, start func(broker, *compare.Run, int) *running) compare.Comparison {
	c := compare.Comparison{
		Name: name, Text: text, Unit: "delivery", Per: clients * events, Heavy: clients > 1000,
		Want: fmt.Sprintf("%s %q\n%[1]s %[3]q\n%[1]s %[4]q\n", eventName, "first", "second", marked),
	}
	for _, b := range brokers {
		c.Contenders = append(c.Contenders, compare.Contender{Name: b.name, Role: b.role, Module: b.module, Start: func(run *compare.Run) func() {
			run.Answer(b.answer)
			r := start(b, run, clients)
			run.Cleanup(r.stop)
			return func() { r.round(r.publish, events) }
		}})
	}
	return c
}

// answer is what the second of two clients receives.
func (b broker) answer() string {
	r := b.inProcess(new(compare.Run), 2)
	r.expect()
	text := new(bytes.Buffer)
	r.clients[1].kept.Store(text)
	r.publish("first")
	r.publish("second")
	r.publish(marked)
	<-r.all
	r.stop()
	return said(text, false)
}

func fanOut() (all []compare.Comparison) {
	for _, clients := range []int{10, 100, 1000, 10_000} {
		c := published(fmt.Sprint("Burst", clients), fmt.Sprintf("%d events at once to %d clients in the same process", burst, clients), clients, burst, broker.inProcess)
		c.Growth, c.Size = "subscribers", float64(clients)
		all = append(all, c)
	}
	for _, clients := range []int{1000, 10_000} {
		all = append(all, published(fmt.Sprint("Paced", clients),
			fmt.Sprintf("one event to %d clients in the same process, and the next when all have it: what it costs to wake writers that do nothing. A delivery to a socket costs many times as much: SocketsPaced is what a service sees", clients),
			clients, 1, broker.inProcess))
	}
	for _, clients := range []int{1, 500} {
		all = append(all, published(fmt.Sprint("Sockets", clients),
			fmt.Sprintf("%d events at once to %d clients over the loopback interface", burst, clients), clients, burst, broker.overSockets))
	}
	for _, clients := range []int{100, 500, 2000} {
		all = append(all, published(fmt.Sprint("SocketsPaced", clients),
			fmt.Sprintf("one event to %d clients over the loopback interface, and the next when all have it: the processor time of the broker, "+
				"which is a process of its own, and what a connection with its subscription holds in it", clients),
			clients, 1, broker.inChild))
	}
	return all
}

// Suite has the comparisons of package stream.
func Suite() compare.Suite {
	return compare.Suite{
		Name: "stream",
		Text: "`Encode`: an event is encoded, written to nowhere, and flushed. The others: events are published to subscribers until all have them; " +
			"writers in the same process do nothing, so that what a hub does is seen. `writes alone` has the publisher write to everybody in a loop, " +
			"and `channels` is the hub that everybody writes first: encoded once, a channel of 16 for each subscriber, and a publisher who waits for the slowest. " +
			"What each writes is parsed before it is timed: the events have to be those published, in their order.",
		Comparisons: append(encodings(), fanOut()...),
		Findings:    []compare.Finding{stalled},
	}
}
