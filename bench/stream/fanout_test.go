package stream_test

import (
	"bytes"
	"context"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const topic = "t"

// A broker is one way to send what is published to everybody who listens.
type broker struct {
	name string
	make func() instance
}

type instance struct {
	http.Handler
	publish func(data string)
}

var brokers = []broker{channels, kitHub, gosseJoe, r3labs}

// The last event of a round is marked, so that clients need not count.
var (
	payload = payloads[0].data
	mark    = []byte("END")
	marked  = payload + string(mark)
)

// An audience is a number of clients who wait for the mark.
type audience struct {
	clients []client
	left    atomic.Int64
	all     chan bool
}

type client struct {
	*audience
	header  http.Header
	waiting atomic.Bool
}

func newAudience(n int) *audience {
	a := &audience{clients: make([]client, n), all: make(chan bool, 1)}
	for i := range a.clients {
		a.clients[i] = client{audience: a, header: make(http.Header)}
	}
	return a
}

// expect has the clients wait for the next mark.
func (a *audience) expect() {
	a.left.Store(int64(len(a.clients)))
	for i := range a.clients {
		a.clients[i].waiting.Store(true)
	}
}

func (c *client) receive(p []byte) {
	if bytes.Contains(p, mark) && c.waiting.CompareAndSwap(true, false) && c.left.Add(-1) == 0 {
		c.all <- true
	}
}

// client is a ResponseWriter in the same process.
func (c *client) Header() http.Header         { return c.header }
func (c *client) WriteHeader(int)             {}
func (c *client) Flush()                      {}
func (c *client) Write(p []byte) (int, error) { c.receive(p); return len(p), nil }

// join has publish called until everybody listens.
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

// round publishes a burst and waits until everybody has it.
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
	broker
	*audience
	publish    func(string)
	perClient  float64 // bytes of heap and stacks
	goroutines float64 // per client
	stop       func()
}

func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// inProcess calls the handlers directly.
func (b broker) inProcess(clients int) *running {
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
	return &running{
		broker: b, audience: a, publish: i.publish,
		perClient:  float64(inUse()-before) / float64(clients),
		goroutines: float64(runtime.NumGoroutine()-goroutines) / float64(clients),
		stop:       func() { cancel(); wg.Wait() },
	}
}

// overSockets has the clients connect over loopback.
func (b broker) overSockets(clients int) *running {
	a, i := newAudience(clients), b.make()
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(i)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	var wg sync.WaitGroup
	var conns []net.Conn
	for n := range a.clients {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
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
	a.join(i.publish)
	return &running{broker: b, audience: a, publish: i.publish, stop: func() {
		cancel()
		for _, conn := range conns {
			conn.Close()
		}
		wg.Wait()
		server.CloseClientConnections()
		server.Close()
	}}
}

var large = flag.Bool("large", false, "with 10,000 clients as well")

func sizes() []int {
	if *large {
		return []int{1000, 10_000}
	}
	return []int{1000}
}

const burst = 200

func (r *running) bench(b *testing.B, burst int) {
	defer r.stop()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rounds := 0
	for b.Loop() {
		r.round(r.publish, burst)
		rounds++
	}
	runtime.ReadMemStats(&after)
	deliveries := float64(rounds * burst * len(r.clients))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/deliveries, "ns/delivery")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/deliveries, "allocs/delivery")
	if r.perClient > 0 {
		b.ReportMetric(r.perClient, "B/client")
		b.ReportMetric(r.goroutines, "goroutines/client")
	}
}

func BenchmarkBurst(b *testing.B) { benchAll(b, burst) }

// BenchmarkPaced publishes one event and waits until everybody has it: what it
// costs to wake them cannot be shared by several events.
func BenchmarkPaced(b *testing.B) { benchAll(b, 1) }

func benchAll(b *testing.B, burst int) {
	for _, clients := range sizes() {
		for _, broker := range brokers {
			b.Run(name(clients)+"/"+broker.name, func(b *testing.B) { broker.inProcess(clients).bench(b, burst) })
		}
	}
}

func BenchmarkSockets(b *testing.B) {
	for _, clients := range []int{1, 500} {
		for _, broker := range brokers {
			b.Run(name(clients)+"/"+broker.name, func(b *testing.B) { broker.overSockets(clients).bench(b, burst) })
		}
	}
}
