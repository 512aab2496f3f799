package redis_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// patience is how long tests wait for what should come at once.
const patience = time.Minute

// A server is a redis-server of its own, on a free port, with a temporary
// directory for its data.
type server struct {
	t    testing.TB
	path string
	addr string
	args []string
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// start starts a server, and skips the test if there is none to start.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if strings.Contains(os.Getenv("APIECE_REQUIRE"), "redis") {
			t.Fatal("APIECE_REQUIRE names redis, but there is no redis-server; the Debian package is called redis-server")
		}
		t.Skip("no redis-server found; set APIECE_REQUIRE=redis to fail instead")
	}
	port := freePort(t)
	s := &server{t: t, path: path, addr: net.JoinHostPort("127.0.0.1", port)}
	s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""}, args...)
	t.Cleanup(s.kill)
	s.start()
	return s
}

// freePort returns a port that is free and stays so until a server takes it, and
// while that is restarted: it is none of those that systems hand out.
func freePort(t testing.TB) string {
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}

// A connectFunc makes a client of its own, for one test.
type connectFunc func(t testing.TB) goredis.UniversalClient

func connector(addr string) connectFunc {
	return func(t testing.TB) goredis.UniversalClient { return connect(t, addr) }
}

func connect(t testing.TB, addr string) *goredis.Client {
	client := goredis.NewClient(&goredis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// startCluster starts a cluster of one server. Like a larger one it refuses
// scripts whose keys are in several slots, and is slow to begin.
func startCluster(t testing.TB) connectFunc {
	s := start(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t))
	s.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
	connect := func(t testing.TB) goredis.UniversalClient {
		client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{s.addr}, ContextTimeoutEnabled: true})
		t.Cleanup(func() { client.Close() })
		return client
	}
	eventually(t, "the cluster is up", func() bool { return connect(t).Set(t.Context(), "up", 1, 0).Err() == nil })
	return connect
}

// start starts the server, once more after kill, on the same port and with the
// data it left.
func (s *server) start() {
	s.t.Helper()
	s.log = new(bytes.Buffer)
	s.cmd = exec.Command(s.path, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	admin := goredis.NewClient(&goredis.Options{Addr: s.addr, MaxRetries: -1})
	defer admin.Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := admin.Ping(s.t.Context()).Err()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("redis-server does not answer: %v\n%s", err, s.log)
		}
	}
}

// kill ends the server at once, as a crash would.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// do runs a command on the server.
func (s *server) do(args ...any) {
	s.t.Helper()
	admin := goredis.NewClient(&goredis.Options{Addr: s.addr})
	defer admin.Close()
	if err := admin.Do(s.t.Context(), args...).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
