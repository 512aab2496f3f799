package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say how much is measured. A zero field is its default, as in the printed results.
type Options struct {
	Group       string        `json:"group,omitempty"` // of the servers, see [Groups]; "" is the first
	Servers     []string      `json:"servers"`         // by name; nil is all of the group
	Rounds      int           `json:"rounds"`          // in each of which every server has a turn; 25
	Requests    int           `json:"requests"`        // of a turn; 3000
	Connections int           `json:"connections"`     // of the load; 16
	Rate        int           `json:"rate"`            // requests per second while latency is measured; 1000
	Latency     time.Duration `json:"latency"`         // how long that takes, for each turn; 500 ms
	Open        int           `json:"open"`            // connections, and streams, held open to measure memory; 1000

	// Profile, if set, is a directory for a CPU profile of each server under
	// each load.
	Profile string `json:"-"`
	// Progress, if set, is told what is being measured.
	Progress func(what string) `json:"-"`
}

// Quick returns options for a first look, which takes some seconds.
func Quick() Options {
	return Options{Rounds: 3, Requests: 1000, Latency: 300 * time.Millisecond, Open: 200}
}

// whole reports whether latency and the memory of connections are measured too: of
// the first group, since the promises have no part in them.
func (o Options) whole() bool { return o.Group == "" || o.Group == Groups()[0] }

func (o Options) orDefault() Options {
	if len(o.Servers) == 0 {
		o.Servers = Servers(o.Group)
	}
	o.Rounds = cmp.Or(o.Rounds, 25)
	o.Requests = cmp.Or(o.Requests, 3000)
	o.Connections = cmp.Or(o.Connections, 16)
	o.Rate = cmp.Or(o.Rate, 1000)
	o.Latency = cmp.Or(o.Latency, 500*time.Millisecond)
	o.Open = cmp.Or(o.Open, 1000)
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return o
}

// Run measures the servers, each in a separate process. The calling program has to
// call Main first. While it runs, GOMAXPROCS of this process, which generates the
// load, is 1. An unexpected response, or any line in the log of a server, is an
// error.
func Run(ctx context.Context, options Options) (*Result, error) {
	o := options.orDefault()
	g, ok := groupByName(o.Group)
	if !ok {
		return nil, fmt.Errorf("no group %q: there are %s", o.Group, strings.Join(Groups(), ", "))
	}
	r := &Result{
		Text:      g.text,
		Go:        runtime.Version(),
		Platform:  runtime.GOOS + "/" + runtime.GOARCH,
		CPUs:      runtime.NumCPU(),
		Validator: version("github.com/go-playground/validator/v10"),
		Options:   o,
	}
	var picked []server
	for _, name := range o.Servers {
		s, ok := g.server(name)
		if !ok {
			return nil, fmt.Errorf("no server %q: there are %s", name, strings.Join(Servers(o.Group), ", "))
		}
		picked = append(picked, s)
		r.Servers = append(r.Servers, describe(s))
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var s samples
	measure := measureRequests
	if g.loads != nil {
		measure = g.measureLoads
	}
	if err := measure(ctx, o, picked, &s); err != nil {
		return nil, err
	}
	if o.whole() {
		if err := measureMemory(ctx, o, picked, &s); err != nil {
			return nil, err
		}
	}
	r.Rows = s.rows(r.Servers)
	return r, nil
}

// measureRequests has the servers take turns, so that what else the machine
// does falls on all of them, and begins each round with another.
func measureRequests(ctx context.Context, o Options, picked []server, s *samples) (err error) {
	requests := measured()
	var targets []*target
	defer func() {
		for _, t := range targets {
			err = errors.Join(err, t.Stop())
		}
	}()
	for _, server := range picked {
		c, err := start(ctx, server, 1)
		if err != nil {
			return err
		}
		t := &target{child: c}
		targets = append(targets, t)
		for _, r := range requests {
			shot, err := r.ready(c.Addr)
			if err != nil {
				return fmt.Errorf("%s: %w", server.name, err)
			}
			t.shots = append(t.shots, shot)
		}
	}
	for round := range o.Rounds {
		o.Progress(fmt.Sprintf("service: requests, round %d of %d", round+1, o.Rounds))
		turns := slices.Concat(targets[round%len(targets):], targets[:round%len(targets)])
		for i, r := range requests {
			for _, t := range turns {
				if err := t.throughput(ctx, o, r.metric, r.share, t.shots[i], s); err != nil {
					return fmt.Errorf("%s: %s: %w", t.server.name, r.metric, err)
				}
			}
		}
		if !o.whole() {
			continue
		}
		for _, t := range turns {
			if err := t.latency(ctx, o, s); err != nil {
				return fmt.Errorf("%s: latency: %w", t.server.name, err)
			}
		}
	}
	return nil
}

// measureLoads measures one request under each load of the group, in processes with
// as many processors as it says, whose turns follow each other.
func (g group) measureLoads(ctx context.Context, o Options, picked []server, s *samples) (err error) {
	r := measured()[1]
	type loaded struct {
		*target
		load
	}
	var all []loaded
	children := map[string]*target{}
	defer func() {
		for _, t := range children {
			err = errors.Join(err, t.Stop())
		}
	}()
	for _, l := range g.loads {
		for _, server := range picked {
			key := fmt.Sprint(server.name, l.processors)
			if children[key] == nil {
				c, err := start(ctx, server, l.processors)
				if err != nil {
					return err
				}
				children[key] = &target{child: c}
				shot, err := r.ready(c.Addr)
				if err != nil {
					return fmt.Errorf("%s: %w", server.name, err)
				}
				children[key].shots = append(children[key].shots, shot)
			}
			all = append(all, loaded{children[key], l})
		}
	}
	for round := range o.Rounds {
		o.Progress(fmt.Sprintf("service: loads, round %d of %d", round+1, o.Rounds))
		for i := range all {
			// Those under the same load stay together, and begin each round with another.
			n := len(picked)
			t := all[i/n*n+(i+round)%n]
			under := o
			under.Connections = t.connections
			if err := t.throughput(ctx, under, t.load.String(), r.share, t.shots[0], s); err != nil {
				return fmt.Errorf("%s: %s: %w", t.server.name, t.load, err)
			}
		}
	}
	return nil
}

// A target is a server under load.
type target struct {
	*child
	shots []*shot // those of the measured requests
}

// throughput measures what a request costs the server: its processor time, of
// which the load in the other process is no part, and its allocations.
func (t *target) throughput(ctx context.Context, o Options, metric string, share int, shot *shot, s *samples) (err error) {
	conns, err := dialAll(t.Addr, o.Connections)
	defer hangUp(conns)
	if err != nil {
		return err
	}
	n := max(o.Requests/share, o.Connections)
	if err := closedLoop(ctx, conns, shot, max(n/10, o.Connections)); err != nil { // warm up
		return err
	}
	if o.Profile != "" {
		name := strings.NewReplacer("/", "_", " ", "_").Replace(t.server.name + "-" + metric)
		if _, err := t.Ask("profile " + filepath.Join(o.Profile, name+".pprof")); err != nil {
			return err
		}
		defer func() {
			_, err2 := t.Ask("profiled")
			err = errors.Join(err, err2)
		}()
	}
	before, err := t.Ask("usage")
	if err != nil {
		return err
	}
	if err := closedLoop(ctx, conns, shot, n); err != nil {
		return err
	}
	after, err := t.Ask("usage")
	if err != nil {
		return err
	}
	count := float64(n)
	cpu := max(after.CPU-before.CPU, time.Microsecond) // some clocks are too coarse for a few requests
	s.add(t.server.name, metric, "requests per CPU second", true, count/cpu.Seconds())
	s.add(t.server.name, metric, "allocations per request", false, float64(after.Mallocs-before.Mallocs)/count)
	s.add(t.server.name, metric, "bytes allocated per request", false, float64(after.AllocBytes-before.AllocBytes)/count)
	return nil
}

// latency measures how long answers take at a rate that leaves the server idle
// most of the time. Streams are no part of it.
func (t *target) latency(ctx context.Context, o Options, s *samples) error {
	conns, err := dialAll(t.Addr, 2*o.Connections)
	defer hangUp(conns)
	if err != nil {
		return err
	}
	shots := t.shots[:3]
	for _, shot := range shots {
		if err := closedLoop(ctx, conns, shot, len(conns)); err != nil {
			return err
		}
	}
	n := int(o.Latency.Seconds() * float64(o.Rate))
	took, err := openLoop(ctx, conns, shots, o.Rate, n)
	if err != nil {
		return err
	}
	for _, p := range []int{50, 99} {
		s.add(t.server.name, fmt.Sprintf("latency at %d requests per second, p%d", o.Rate, p), "µs", false,
			float64(percentile(took, p))/1e3)
	}
	return nil
}
