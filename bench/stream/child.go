package stream

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/process"
)

// environ names the broker that a child process is to be.
const environ = "APIECE_BENCH_BROKER"

// Main runs the process as a broker and does not return, if a comparison has started
// it. Programs that measure the suite call it first in main, or in TestMain.
func Main() { process.Main(environ, serveChild) }

func serveChild(name string, l net.Listener) (map[string]process.Command, error) {
	for _, b := range brokers {
		if b.name != name {
			continue
		}
		i := b.make()
		go func() {
			fmt.Fprintln(os.Stderr, "serving ended:", http.Serve(l, i))
			os.Exit(1)
		}()
		return map[string]process.Command{
			"publish": func(data string) error { i.publish(data); return nil },
		}, nil
	}
	return nil, fmt.Errorf("no broker %q", name)
}

// inChild has the broker in a process of its own, to which clients connect over
// loopback: what they do is not measured.
func (b broker) inChild(run *compare.Run, clients int) *running {
	child, err := process.Start(context.Background(), environ, b.name)
	if err != nil {
		panic(err)
	}
	ask := func(line string) process.Usage {
		usage, err := child.Ask(line)
		if err != nil {
			panic(err)
		}
		return usage
	}
	publish := func(data string) { ask("publish " + data) }
	early := newAudience(10) // what the broker makes once is not counted
	leave := early.connect(child.Addr)
	early.join(publish)
	before := ask("settle")

	a := newAudience(clients)
	hangUp := a.connect(child.Addr)
	a.join(publish)
	after := ask("settle")
	run.Metric("B/client", math.Round(float64(after.Memory-before.Memory)/float64(clients)))
	run.Metric("goroutines/client", math.Round(10*float64(after.Goroutines-before.Goroutines)/float64(clients))/10)
	leave()
	run.Meter(func() compare.Reading {
		u := ask("usage")
		return compare.Reading{Time: u.CPU, Mallocs: u.Mallocs, Bytes: u.AllocBytes}
	})
	return &running{a, publish, func() {
		hangUp()
		_ = child.Stop() // what it wrote is about connections that are gone
	}}
}
