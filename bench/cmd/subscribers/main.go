// Command subscribers opens many subscriptions of one hub, by default as many as the
// machine has descriptors for, and measures their cost: memory, the time until the
// last one has an event, and CPU time per delivery.
//
//	go -C bench run ./cmd/subscribers -n 20000
//	go -C bench run ./cmd/subscribers -n 100000 -http 2
//	go -C bench run ./cmd/subscribers -n 1000 -size 4096
//	go -C bench run ./cmd/subscribers -n 1000 -topics 100 -burst 10
//
// The hub runs in its own process, on enough loopback addresses for the ports of the
// clients. The clients run in this one: they only read and count a byte. Over
// HTTP/1.1 each subscriber is a connection; over HTTP/2 a connection carries -streams
// subscribers, so that 100,000 need only a few hundred descriptors.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/apiece/apiece/bench/internal/process"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// environ has the number of addresses that the process with the hub listens on, and
// of the topics that each subscribes to.
const environ = "APIECE_BENCH_HUB"

// perAddress is how many connections one address has ports for.
const perAddress = 25_000

// mark is in each event once, and in nothing else that is sent.
const mark = '!'

const event = `{"type":"text-delta","id":"0","delta":"Hello!"}`

func main() {
	limit := raiseLimit()
	process.Main(environ, serve)
	var (
		n       = flag.Int("n", 100_000, "subscribers")
		version = flag.Int("http", 1, "version of HTTP, 1 or 2")
		streams = flag.Int("streams", 250, "streams of a connection over HTTP/2")
		rounds  = flag.Int("rounds", 30, "bursts that are published, each when all have the one before")
		x       load
	)
	flag.IntVar(&x.topics, "topics", 1, "topics of each subscriber; each event is of one of them")
	flag.IntVar(&x.burst, "burst", 1, "events that are published at once")
	flag.IntVar(&x.size, "size", len(event), "bytes of data of an event")
	flag.Parse()
	if x.topics < 1 || x.burst < 1 || x.size < len(event) {
		fmt.Fprintf(os.Stderr, "a topic and an event at least, and %d bytes\n", len(event))
		os.Exit(2)
	}
	if err := run(*n, *version, *streams, *rounds, limit, x); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A load is what is published, and its subscribers.
type load struct{ topics, burst, size int }

// publish is the line that has the server publish some of it.
func (x load) publish(events int) string { return fmt.Sprintf("publish %d %d", events, x.size) }

// raiseLimit raises the limit of descriptors to the system's maximum, and returns it.
func raiseLimit() int {
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	most := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if limit.Max < most.Max && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &most) == nil { // needs privileges
		return int(most.Cur)
	}
	return int(limit.Max)
}

// serve is the process with the hub.
func serve(name string, l net.Listener) (map[string]process.Command, error) {
	var count, width int
	if _, err := fmt.Sscan(name, &count, &width); err != nil {
		return nil, err
	}
	var topics []string
	for i := range width {
		topics = append(topics, fmt.Sprint("t", i))
	}
	h := hub.New(hub.Config{MaxSubscribers: -1})
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: topics})
		}),
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxConcurrentStreams: 10_000},
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	listeners := []net.Listener{l}
	for i := 1; i < count; i++ {
		l, err := net.Listen("tcp", address(l.Addr().String(), i))
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
	}
	for _, l := range listeners {
		go func() {
			fmt.Fprintln(os.Stderr, "serving ended:", server.Serve(l))
			os.Exit(1)
		}()
	}
	next := 0
	return map[string]process.Command{
		"publish": func(what string) error {
			var events, size int
			if _, err := fmt.Sscan(what, &events, &size); err != nil {
				return err
			}
			data := event + strings.Repeat("x", size-len(event))
			for range events {
				if _, err := h.Publish(context.Background(), topics[next%width], stream.Event{Data: data}); err != nil {
					return err
				}
				next++
			}
			return nil
		},
	}, nil
}

// address is the i-th of those with the same port as the first.
func address(first string, i int) string {
	_, port, _ := net.SplitHostPort(first)
	return net.JoinHostPort(fmt.Sprint("127.0.0.", 1+i), port)
}

func run(n, version, streams, rounds, limit int, x load) (err error) {
	connections := n
	if version == 2 {
		connections = (n + streams - 1) / streams
	}
	if most := limit - 100; connections > most {
		fmt.Printf("%d connections are asked for; a process here has descriptors for %d.\n\n", connections, most)
		n, connections = min(n, n*most/connections), most
	}
	addresses := (connections + perAddress - 1) / perAddress
	server, err := process.Start(context.Background(), environ, fmt.Sprint(addresses, x.topics))
	if err != nil {
		return err
	}
	defer func() {
		if said := server.Stop(); err != nil { // else it is about clients that hung up
			err = errors.Join(err, said)
		}
	}()
	// What the server makes once is not counted.
	warm := newAudience(10)
	if err := warm.open(server.Addr, version, 10); err != nil {
		return err
	}
	warm.hangUp()
	before, err := server.Ask("settle")
	if err != nil {
		return err
	}

	a := newAudience(n)
	start := time.Now()
	for a.opened < n {
		size := 1
		if version == 2 {
			size = min(streams, n-a.opened)
		}
		if err := a.open(address(server.Addr, len(a.conns)/perAddress), version, size); err != nil {
			return fmt.Errorf("after %d: %w", a.opened, err)
		}
		if err := a.await(500); err != nil {
			return fmt.Errorf("after %d: %w", a.opened, err)
		}
	}
	if err := a.await(0); err != nil {
		return err
	}
	opened := time.Since(start)
	if err := a.join(func() error { _, err := server.Ask(x.publish(1)); return err }); err != nil {
		return err
	}
	open, err := server.Ask("settle")
	if err != nil {
		return err
	}

	var took []time.Duration
	usage, err := server.Ask("usage")
	if err != nil {
		return err
	}
	for range rounds {
		last := a.expect(x.burst)
		start := time.Now()
		if _, err := server.Ask(x.publish(x.burst)); err != nil {
			return err
		}
		select {
		case at := <-last:
			took = append(took, at.Sub(start))
		case <-time.After(time.Minute):
			return errors.New("an event is not everywhere after a minute")
		}
	}
	used, err := server.Ask("usage")
	if err != nil {
		return err
	}
	if err := a.check(rounds * x.burst); err != nil {
		return err
	}
	a.hangUp()

	slices.Sort(took)
	each := float64(n)
	row := func(what, value string) { fmt.Printf("| %s | %s |\n", what, value) }
	row("subscribers", fmt.Sprint(n))
	row("---", "---")
	row("HTTP", fmt.Sprintf("%d, %d connections to %d addresses", version, connections, addresses))
	row("Go, processors", fmt.Sprintf("%s, %d", runtime.Version(), runtime.NumCPU()))
	row("topics, events at once, bytes", fmt.Sprintf("%d, %d, %d", x.topics, x.burst, x.size))
	row("opened in", opened.Round(10*time.Millisecond).String())
	row("heap and stack for each", fmt.Sprintf("%.0f B", float64(open.Memory-before.Memory)/each))
	row("resident for each", fmt.Sprintf("%.0f B", float64(open.RSS-before.RSS)/each))
	row("resident in all", fmt.Sprintf("%.0f MB", float64(open.RSS)/(1<<20)))
	row("goroutines for each", fmt.Sprintf("%.2f", float64(open.Goroutines-before.Goroutines)/each))
	row("processor time for each delivery", fmt.Sprintf("%.2f µs", float64(used.CPU-usage.CPU)/float64(time.Microsecond)/each/float64(rounds*x.burst)))
	row("allocations for each delivery", fmt.Sprintf("%.3f", float64(used.Mallocs-usage.Mallocs)/each/float64(rounds*x.burst)))
	row("from publishing to the last, median", took[len(took)/2].Round(time.Millisecond).String())
	row("quickest and slowest", fmt.Sprintf("%v, %v", took[0].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond)))
	row("deliveries, each once", fmt.Sprint(n*rounds*x.burst))
	return nil
}
