package torture_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A process is a service in a child process, as its parent sees it.
type process struct {
	addr        string
	dir         string // for its temporary files
	log         *tail
	environment []string
	patience    time.Duration

	cmd *exec.Cmd
	mu  sync.Mutex // for a command and its report
	in  io.WriteCloser
	out *json.Decoder

	pieces map[string]*piece // see steady
	used   atomic.Int64      // how many of their responses were checked

	rest   report   // at rest, before the first attack
	opened []string // the descriptors, likewise
}

// start starts a service, with additions to its environment, that ends with the test.
func start(t testing.TB, name string, environment ...string) *process {
	t.Helper()
	p, err := launch(name, environment...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.end(); err != nil && !t.Failed() {
			t.Error(err)
		}
	})
	return p
}

// launch starts a service and waits until it serves.
func launch(name string, environment ...string) (*process, error) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return nil, err
	}
	p := &process{dir: dir, patience: patience, log: new(tail), pieces: steady(), cmd: exec.Command(os.Args[0]), environment: environment}
	p.cmd.Env = append(os.Environ(), childVariable+"="+name, "TMPDIR="+p.dir)
	p.cmd.Env = append(p.cmd.Env, environment...)
	p.cmd.Stderr = p.log
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
	p.out = json.NewDecoder(bufio.NewReader(out))
	if err := p.greet(); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

// greet learns the address of the service, and its state at rest. What the first
// request sets up once is not a leak.
func (p *process) greet() error {
	var hello report
	if err := p.out.Decode(&hello); err != nil {
		return fmt.Errorf("no service: %w", err)
	}
	p.addr = hello.Addr
	for range max(3, len(p.pieces)) {
		if f := honest(p); f != nil {
			return errors.New(f.text)
		}
	}
	if _, err := p.ask("collect"); err != nil {
		return err
	}
	for range 10 { // the last connections may still be closing
		time.Sleep(5 * time.Millisecond)
		rest, err := p.ask("stats")
		if err != nil {
			return err
		}
		if p.rest.Goroutines == 0 || rest.Goroutines <= p.rest.Goroutines {
			p.rest, p.opened = rest, p.open()
		}
	}
	return nil
}

// end ends the process, and returns how it ended.
func (p *process) end() error {
	p.in.Close()
	stuck := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer stuck.Stop()
	defer os.RemoveAll(p.dir)
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("the service ended with %w\n%s", err, p.log.said())
	}
	return nil
}

// ask sends a command and returns the report. A child that takes longer than any
// command does is considered dead.
func (p *process) ask(command string) (report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := io.WriteString(p.in, command+"\n"); err != nil {
		return report{}, fmt.Errorf("the process is gone: %w", err)
	}
	stuck := time.AfterFunc(2*patience, func() { p.cmd.Process.Kill() })
	defer stuck.Stop()
	var r report
	if err := p.out.Decode(&r); err != nil {
		return report{}, fmt.Errorf("the process is gone: %w", err)
	}
	return r, nil
}

// open returns the open descriptors.
func (p *process) open() []string { return openIn(strconv.Itoa(p.cmd.Process.Pid)) }

// files returns the temporary files, except those that the service keeps.
func (p *process) files() (left []string) {
	_ = filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != servedFile {
			left = append(left, path)
		}
		return nil
	})
	return left
}

// shutdown ends the service in good order, and returns the result.
func (p *process) shutdown() error {
	r, err := p.ask("shutdown")
	if err == nil && r.Failure != "" {
		err = errors.New(r.Failure)
	}
	return err
}
