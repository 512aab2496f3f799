package nats_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/apiece/apiece/adapters/nats"
)

// A natsProcess is a server of a cluster in its own process, which can be killed without
// handing over.
type natsProcess struct {
	t testing.TB
	processOptions
	cmd *exec.Cmd
}

type processOptions struct {
	Name, Store       string
	Port, ClusterPort int
	Routes            []string
}

// The test binary is the server if this is in its environment.
const processVariable = "APIECE_NATS_PROCESS"

// serveProcess runs that server. It ends with the process that has started it.
func serveProcess() {
	var o processOptions
	if err := json.Unmarshal([]byte(os.Getenv(processVariable)), &o); err != nil {
		panic(err)
	}
	var routes []*url.URL
	for _, route := range o.Routes {
		routes = append(routes, &url.URL{Scheme: "nats", Host: route})
	}
	s, err := server.NewServer(&server.Options{
		ServerName: o.Name, Host: "127.0.0.1", Port: o.Port, JetStream: true, StoreDir: o.Store, NoLog: true, NoSigs: true,
		Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: o.ClusterPort}, Routes: routes,
	})
	if err != nil {
		panic(err)
	}
	go s.Start()
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func (p *natsProcess) start() {
	p.t.Helper()
	options, err := json.Marshal(p.processOptions)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), processVariable+"="+string(options))
	if _, err := p.cmd.StdinPipe(); err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *natsProcess) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// startProcesses starts a cluster of three.
func startProcesses(t testing.TB) (processes []*natsProcess, urls string) {
	t.Helper()
	var ports []int
	for range 6 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	var clients, routes []string
	for i := range 3 {
		clients = append(clients, fmt.Sprint("nats://127.0.0.1:", ports[i]))
		routes = append(routes, fmt.Sprint("127.0.0.1:", ports[3+i]))
	}
	for i := range 3 {
		p := &natsProcess{t: t, processOptions: processOptions{
			Name: fmt.Sprint("server", i), Store: t.TempDir(), Port: ports[i], ClusterPort: ports[3+i], Routes: routes,
		}}
		processes = append(processes, p)
		t.Cleanup(func() { p.kill() })
	}
	return processes, strings.Join(clients, ",")
}

// The process that leads the log is killed, again and again, while four publishers
// publish through two hubs. No event is lost or comes twice, and no publisher gets an
// error.
func TestBackplaneKilledProcess(t *testing.T) {
	if !*long {
		t.Skip("the others elect a leader only when they have missed the one before for some seconds: run it with -long")
	}
	const lasts = 60 * time.Second
	processes, urls := startProcesses(t)
	for _, p := range processes {
		p.start()
	}
	for _, p := range processes {
		eventually(t, "the server listens", func() bool {
			conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", p.Port))
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
	}
	cfg := nats.BackplaneConfig{Replicas: 3, Timeout: time.Minute}
	// Three replicas are refused until all servers know each other.
	first := nats.NewBackplane(connect(t, urls), "log", nats.BackplaneConfig{Replicas: 3, Timeout: time.Minute, MaxHistory: 100_000})
	eventually(t, "there is a log", func() bool {
		_, _, err := first.Bounds(t.Context())
		return err == nil
	})
	nodes := []*node{newNode(t, urls, cfg), newNode(t, urls, cfg)}
	js := connect(t, urls)
	var over atomic.Bool
	killed := 0
	killer := make(chan bool)
	go func() {
		defer close(killer)
		defer over.Store(true)
		for begun := time.Now(); time.Since(begun) < lasts; time.Sleep(time.Second) {
			s, err := js.Stream(t.Context(), "log")
			if err != nil || s.CachedInfo().Cluster == nil {
				continue
			}
			for _, p := range processes {
				if p.Name == s.CachedInfo().Cluster.Leader {
					p.kill()
					p.start()
					killed++
				}
			}
		}
	}()
	n := publishers(t, nodes, func(int) bool { return over.Load() })
	<-killer
	whole(t, n, nodes...)
	last, _, err := nodes[0].log.Bounds(t.Context())
	if err != nil || last.Seq != uint64(n) {
		t.Errorf("%d events in the log, of %d published, %v", last.Seq, n, err)
	}
	if killed < 3 {
		t.Errorf("%d leaders killed: the test has tested nothing", killed)
	}
	t.Logf("%d leaders killed; followers began again %d and %d times", killed, nodes[0].log.Stats().Reconnects, nodes[1].log.Stats().Reconnects)
}
