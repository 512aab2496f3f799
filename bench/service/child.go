package service

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
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"
)

// environ names the server that a child process is to be.
const environ = "APIECE_BENCH_SERVER"

// Main makes the process a server, if it is one that Run has started, and does
// not return then. Whoever calls Run calls it first thing in main, or in
// TestMain: the servers are further processes of the same program.
func Main() {
	name, ok := os.LookupEnv(environ)
	if !ok {
		return
	}
	if err := serveChild(name, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serveChild serves until its input ends, which it does when the parent ends in
// whatever way: no server is left behind. The first line that it writes is the
// address; after that it answers each line that it reads with a usage.
func serveChild(name string, in io.Reader, out io.Writer) error {
	s, ok := serverByName(name)
	if !ok {
		return fmt.Errorf("no server %q", name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	serve := s.listen(replyTimeout)
	go func() {
		fmt.Fprintln(os.Stderr, "serving ended:", serve(l))
		os.Exit(1)
	}()
	fmt.Fprintln(out, l.Addr())
	answers := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		command, file, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "settle":
			time.Sleep(20 * time.Millisecond) // for what is about to end
			runtime.GC()
			debug.FreeOSMemory()
		case "profile":
			f, err := os.Create(file)
			if err == nil {
				err = pprof.StartCPUProfile(f)
			}
			if err != nil {
				return err
			}
		case "profiled":
			pprof.StopCPUProfile()
		}
		if err := answers.Encode(usageNow()); err != nil {
			return err
		}
	}
	return nil
}

// A usage is what a process has used, up to now or at present.
type usage struct {
	CPU        time.Duration // user and system
	Mallocs    uint64
	AllocBytes uint64
	Memory     int64 // of the heap and of stacks, in use
	RSS        int64
	Goroutines int
}

func usageNow() usage {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // fails for no other argument
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := usage{
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

// A child is a server in a process of its own.
type child struct {
	server server
	addr   string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	log    *head
}

// start starts a server. All of them have one processor, and the garbage
// collector as it is by default, whatever the environment says.
func start(ctx context.Context, s server) (*child, error) {
	if _, ok := os.LookupEnv(environ); ok {
		return nil, errors.New("service.Main has to be called before Run")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{server: s, cmd: exec.CommandContext(ctx, self), log: new(head)}
	c.cmd.Env = append(os.Environ(), environ+"="+s.name, "GOMAXPROCS=1", "GOGC=100", "GOMEMLIMIT=off", "GODEBUG=")
	c.cmd.Stderr = c.log
	c.cmd.WaitDelay = 5 * time.Second
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	line, err := c.out.ReadString('\n')
	c.addr = strings.TrimSpace(line)
	if _, _, splitErr := net.SplitHostPort(c.addr); err != nil || splitErr != nil {
		return nil, errors.Join(fmt.Errorf("%s has not said where it listens, but %q", s.name, line), err, c.stop())
	}
	return c, nil
}

// ask sends one line and returns what the process has used since it was
// started.
func (c *child) ask(command string) (u usage, err error) {
	if _, err = io.WriteString(c.in, command+"\n"); err != nil {
		return u, fmt.Errorf("%s: %w", c.server.name, err)
	}
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &u)
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w; it wrote %q", c.server.name, err, c.log)
	}
	return u, nil
}

// stop ends the process, and returns an error if it had anything to complain
// about.
func (c *child) stop() error {
	c.in.Close()
	late := time.AfterFunc(5*time.Second, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	if err := c.cmd.Wait(); err != nil || c.log.String() != "" {
		return fmt.Errorf("%s: exit: %v; it wrote %q", c.server.name, err, c.log)
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
