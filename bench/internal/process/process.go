// Package process runs servers in separate processes, to measure their usage without
// that of the clients. They are child processes of the same program.
package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Command is what a server does for one word on its input.
type Command func(argument string) error

// Main runs the process as a server and does not return, if Start has started it with
// this variable in its environment. Serve starts to serve on a listener, and returns
// the commands of the server besides "usage" and "settle".
func Main(variable string, serve func(name string, l net.Listener) (map[string]Command, error)) {
	name, ok := os.LookupEnv(variable)
	if !ok {
		return
	}
	if err := obey(name, serve, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// obey serves until its input ends, which happens whenever the parent exits, so that
// no server is left behind. It first writes the address, and then a line for each
// line that it reads.
func obey(name string, serve func(string, net.Listener) (map[string]Command, error), in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	commands, err := serve(name, l)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr())
	answers := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		word, argument, _ := strings.Cut(lines.Text(), " ")
		var usage Usage // finding out stops the world: not each command does
		switch command := commands[word]; {
		case command != nil:
			err = command(argument)
		case word == "settle":
			time.Sleep(20 * time.Millisecond) // for what is about to end
			runtime.GC()
			debug.FreeOSMemory()
			fallthrough
		case word == "usage":
			usage = Now()
		default:
			err = fmt.Errorf("what is %q?", word)
		}
		if err := errors.Join(err, answers.Encode(usage)); err != nil {
			return err
		}
	}
	return nil
}

// A Usage is the resource usage of a process.
type Usage struct {
	CPU        time.Duration // user and system
	Mallocs    uint64
	AllocBytes uint64
	Memory     int64 // of the heap and of stacks, in use
	RSS        int64
	Goroutines int
}

// Now returns the usage of this process.
func Now() Usage {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // fails for no other argument
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := Usage{
		CPU:        time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Mallocs:    m.Mallocs,
		AllocBytes: m.TotalAlloc,
		Memory:     int64(m.HeapAlloc + m.StackInuse),
		Goroutines: runtime.NumGoroutine(),
	}
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident int64
		fmt.Sscan(string(statm), &size, &resident)
		u.RSS = resident * int64(os.Getpagesize())
	}
	return u
}

// A Process is a server in a child process.
type Process struct {
	Addr string
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  *head
}

// Start starts a server with default garbage collection and GOMAXPROCS, regardless of
// the environment, unless environ sets them.
func Start(ctx context.Context, variable, name string, environ ...string) (*Process, error) {
	if _, ok := os.LookupEnv(variable); ok {
		return nil, errors.New("Main has to be called first thing in main, or in TestMain")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{name: name, cmd: exec.CommandContext(ctx, self), log: new(head)}
	p.cmd.Env = append(os.Environ(), variable+"="+name, "GOMAXPROCS=", "GOGC=100", "GOMEMLIMIT=off", "GODEBUG=")
	p.cmd.Env = append(p.cmd.Env, environ...)
	p.cmd.Stderr = p.log
	p.cmd.WaitDelay = 5 * time.Second
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	p.Addr = strings.TrimSpace(line)
	if _, _, splitErr := net.SplitHostPort(p.Addr); err != nil || splitErr != nil {
		return nil, errors.Join(fmt.Errorf("%s has not said where it listens, but %q", name, line), err, p.Stop())
	}
	return p, nil
}

// Ask sends one line. For "usage", and for "settle", which collects garbage first,
// the reply is the usage of the process since its start.
func (p *Process) Ask(line string) (u Usage, err error) {
	if _, err = io.WriteString(p.in, line+"\n"); err != nil {
		return u, fmt.Errorf("%s: %w", p.name, err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(answer, &u)
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w; it wrote %q", p.name, err, p.log)
	}
	return u, nil
}

// Stop ends the process, and returns an error if it wrote to stderr.
func (p *Process) Stop() error {
	p.in.Close()
	late := time.AfterFunc(5*time.Second, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil || p.log.String() != "" {
		return fmt.Errorf("%s: exit: %v; it wrote %q", p.name, err, p.log)
	}
	return nil
}

// A head keeps the first few lines that a process writes.
type head struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(p[:min(len(p), max(0, 4096-h.buf.Len()))])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}
