package redis_test

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// patience is how long tests wait for what should come at once.
const patience = time.Minute

// A server is a redis-server on a free port, with a temporary directory for its data.
type server struct {
	t    testing.TB
	path string
	addr string
	args []string
	tls  *tls.Config // of clients; nil without TLS
	cmd  *exec.Cmd
	log  *bytes.Buffer
}

// start starts a server, and skips the test if there is none. APIECE_REDIS_SERVER names a
// program to use in place of redis-server, such as valkey-server.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	s := newServer(t)
	_, port, _ := net.SplitHostPort(s.addr)
	s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""}, args...)
	s.start()
	return s
}

// newServer returns a server that can be started when it has its args.
func newServer(t testing.TB) *server {
	t.Helper()
	path, err := exec.LookPath(cmp.Or(os.Getenv("APIECE_REDIS_SERVER"), "redis-server"))
	if err != nil {
		if strings.Contains(os.Getenv("APIECE_REQUIRE"), "redis") {
			t.Fatalf("APIECE_REQUIRE names redis: %v; the Debian package is called redis-server", err)
		}
		t.Skipf("%v; set APIECE_REQUIRE=redis to fail instead", err)
	}
	s := &server{t: t, path: path, addr: net.JoinHostPort("127.0.0.1", freePort(t))}
	t.Cleanup(s.kill)
	return s
}

// freePort returns a port that stays free until a server takes it, and while that
// restarts: it is outside of the ephemeral range.
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

// A connectFunc makes a new client for one test.
type connectFunc func(t testing.TB) goredis.UniversalClient

func connector(addr string) connectFunc {
	return func(t testing.TB) goredis.UniversalClient { return connect(t, addr) }
}

func connect(t testing.TB, addr string) *goredis.Client {
	client := goredis.NewClient(&goredis.Options{Addr: addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// start starts the server, and after kill restarts it on the same port with its data.
func (s *server) start() {
	s.t.Helper()
	s.log = new(bytes.Buffer)
	s.cmd = exec.Command(s.path, s.args...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	admin := goredis.NewClient(&goredis.Options{Addr: s.addr, TLSConfig: s.tls, MaxRetries: -1})
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
func (s *server) do(args ...any) *goredis.Cmd {
	s.t.Helper()
	admin := goredis.NewClient(&goredis.Options{Addr: s.addr, TLSConfig: s.tls})
	defer admin.Close()
	cmd := admin.Do(s.t.Context(), args...)
	if err := cmd.Err(); err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return cmd
}

// Functions for the suites. They affect the whole server.

func (s *server) killConnections(testing.TB, string) (killed int) {
	for _, kind := range []string{"pubsub", "normal"} {
		n, _ := s.do("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes").Int()
		killed += n
	}
	return killed
}

func (s *server) pause(testing.TB, string) (resume func()) {
	s.signal(syscall.SIGSTOP)
	return sync.OnceFunc(func() { s.signal(syscall.SIGCONT) })
}

func (s *server) restart(testing.TB, string) {
	s.kill()
	s.start()
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
