// Command intake measures the cost of an event for a process without a subscriber for
// it: every hub reads the complete log that it shares with others.
//
//	go -C bench run ./cmd/intake
//	go -C bench run ./cmd/intake -size 4096 -topics 10000
//
// The log is in memory and filled first, so that only the hub is measured, from log
// entry to history. The client of a store, which has to receive and decode the entry,
// costs extra. The default of -hubs is one hub.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/apiece/apiece/bench/internal/process"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func main() {
	var (
		events = flag.Int("events", 200_000, "entries of the log")
		size   = flag.Int("size", 64, "bytes of data of an event")
		topics = flag.Int("topics", 100, "topics that the events are of, in turns")
		hubs   = flag.Int("hubs", 1, "hubs that read the log, one after the other")
	)
	flag.Parse()
	if err := run(*events, *size, *topics, *hubs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(events, size, topics, hubs int) error {
	ctx := context.Background()
	var log backplanetest.Memory
	names := make([]string, topics)
	for i := range names {
		names[i] = fmt.Sprint("topic-", i)
	}
	data := strings.Repeat("x", size)
	for i := range events {
		if _, err := log.Append(ctx, names[i%topics], stream.Event{Data: data}); err != nil {
			return err
		}
	}
	before := process.Now()
	for range hubs {
		h := hub.New(hub.Config{Backplane: &log})
		for h.Stats().Published < uint64(events) {
			time.Sleep(time.Millisecond)
		}
		if err := h.Shutdown(ctx); err != nil {
			return err
		}
	}
	used := process.Now()
	each := float64(events * hubs)
	fmt.Printf("| events, bytes, topics | %d, %d, %d |\n| --- | --- |\n", events, size, topics)
	fmt.Printf("| processor time for each event | %.2f µs |\n", float64(used.CPU-before.CPU)/float64(time.Microsecond)/each)
	fmt.Printf("| allocated for each event | %.0f B |\n", float64(used.AllocBytes-before.AllocBytes)/each)
	return nil
}
