package service

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/apiece/apiece/bench/internal/process"
)

// environ names the server that a child process is to be.
const environ = "APIECE_BENCH_SERVER"

// Main runs the process as a server and does not return, if Run has started it. A
// program that calls Run must call Main first in main, or in TestMain: the servers
// are child processes of the same program.
func Main() { process.Main(environ, serveChild) }

func serveChild(name string, l net.Listener) (map[string]process.Command, error) {
	group, name, _ := strings.Cut(name, ": ")
	g, _ := groupByName(group)
	s, ok := g.server(name)
	if !ok {
		return nil, fmt.Errorf("no server %q", name)
	}
	serve := s.listen(replyTimeout)
	go func() {
		fmt.Fprintln(os.Stderr, "serving ended:", serve(l))
		os.Exit(1)
	}()
	return map[string]process.Command{
		"profile": func(file string) error {
			f, err := os.Create(file)
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			return err
		},
		"profiled": func(string) error { pprof.StopCPUProfile(); return nil },
	}, nil
}

type usage = process.Usage

// A child is a server in a process of its own.
type child struct {
	server server
	*process.Process
}

// start starts a server, with one processor unless its group is about more.
func start(ctx context.Context, s server, processors int) (*child, error) {
	p, err := process.Start(ctx, environ, s.group+": "+s.name, fmt.Sprint("GOMAXPROCS=", processors))
	if err != nil {
		return nil, err
	}
	return &child{s, p}, nil
}
