// Command cmd measures the services and prints tables, or JSON.
//
//	go run ./service/cmd -quick
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/apiece/apiece/bench/service"
)

func main() {
	service.Main()
	var (
		quick    = flag.Bool("quick", false, "a first look, in some seconds")
		asJSON   = flag.Bool("json", false, "print JSON")
		group    = flag.String("group", service.Groups()[0], "what is compared: "+strings.Join(service.Groups(), ", "))
		only     = flag.String("servers", "", "which of the group to measure (default all)")
		rounds   = flag.Int("rounds", 0, "rounds in which every server has a turn (default 25)")
		requests = flag.Int("requests", 0, "requests of a turn (default 3000)")
		latency  = flag.Duration("latency", 0, "how long a turn measures latency (default 500ms)")
		rate     = flag.Int("rate", 0, "requests per second while it does (default 1000)")
		open     = flag.Int("open", 0, "connections held open to measure memory (default 1000)")
		profile  = flag.String("profile", "", "directory for CPU profiles of the servers")
	)
	flag.Parse()
	var o service.Options
	if *quick {
		o = service.Quick()
	}
	o.Group = *group
	if *only != "" {
		o.Servers = strings.Split(*only, ",")
	}
	o.Profile = *profile
	o.Progress = func(what string) { fmt.Fprintln(os.Stderr, what) }
	set(&o.Rounds, *rounds)
	set(&o.Requests, *requests)
	set(&o.Latency, *latency)
	set(&o.Rate, *rate)
	set(&o.Open, *open)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func set[T int | time.Duration](field *T, flag T) {
	if flag != 0 {
		*field = flag
	}
}

func run(ctx context.Context, o service.Options, asJSON bool) error {
	result, err := service.Run(ctx, o)
	if err != nil {
		return err
	}
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "\t")
		return out.Encode(result)
	}
	return result.WriteText(os.Stdout)
}
