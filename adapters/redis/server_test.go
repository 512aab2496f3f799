package redis_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// patience is how long tests wait for what should come at once.
const patience = 20 * time.Second

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
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, path: path, addr: l.Addr().String()}
	l.Close()
	_, port, _ := net.SplitHostPort(s.addr)
	s.args = append([]string{"--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""}, args...)
	t.Cleanup(s.kill)
	s.start()
	return s
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
