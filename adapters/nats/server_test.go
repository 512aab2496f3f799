package nats_test

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/stream/hub"
)

// A natsServer is a server with JetStream in this process, which can be stopped and
// started again with its data.
type natsServer struct {
	t    testing.TB
	opts server.Options
	*server.Server
}

// start returns a server that stops at the end of the test.
func start(t testing.TB, change ...func(*server.Options)) *natsServer {
	t.Helper()
	s := &natsServer{t: t, opts: server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(),
		NoLog: true, NoSigs: true,
	}}
	for _, f := range change {
		f(&s.opts)
	}
	s.start()
	s.opts.Port = s.Addr().(*net.TCPAddr).Port // and again after a restart
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *natsServer) start() {
	s.t.Helper()
	opts := s.opts
	for tries := 0; ; tries++ {
		instance, err := server.NewServer(&opts)
		if err != nil {
			s.t.Fatal(err)
		}
		go instance.Start()
		if instance.ReadyForConnections(10 * time.Second) {
			s.Server = instance
			return
		}
		instance.Shutdown()
		if tries == 3 {
			s.t.Fatal("the server does not start")
		}
	}
}

func (s *natsServer) stop() {
	s.Shutdown()
	s.WaitForShutdown()
}

// cut ends all client connections.
func (s *natsServer) cut() (n int) {
	conns, err := s.Connz(&server.ConnzOptions{})
	if err != nil {
		return 0
	}
	for _, c := range conns.Conns {
		if s.DisconnectClientByID(c.Cid) == nil {
			n++
		}
	}
	return n
}

// files returns a copy of the server's files; the server must be stopped.
func (s *natsServer) files() string {
	dir := filepath.Join(s.t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(s.opts.StoreDir)); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// connect returns a new connection to one of the servers.
func connect(t testing.TB, urls string, options ...natsgo.Option) jetstream.JetStream {
	t.Helper()
	conn, err := natsgo.Connect(urls, append([]natsgo.Option{
		natsgo.ReconnectBufSize(-1), natsgo.MaxReconnects(-1),
		natsgo.ErrorHandler(func(*natsgo.Conn, *natsgo.Subscription, error) {}), // the default prints
		natsgo.ReconnectWait(5 * time.Millisecond), natsgo.ReconnectJitter(5*time.Millisecond, 0),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return js
}

var odd = regexp.MustCompile(`[^A-Za-z0-9]+`)

// nameOf returns a stream name for the name of a test.
func nameOf(log string) string { return odd.ReplaceAllString(log, "_") }

func open(t testing.TB, urls, log string) hub.Backplane {
	return nats.NewBackplane(connect(t, urls), nameOf(log), nats.BackplaneConfig{})
}

// A cluster is three servers.
type cluster struct {
	servers [3]*natsServer
	urls    string
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := new(cluster)
	var routes []*url.URL
	var ports []int
	for range c.servers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
	}
	for i := range c.servers {
		c.servers[i] = start(t, func(o *server.Options) {
			o.ServerName = fmt.Sprint("server", i)
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = slices.Clone(routes)
		})
		if i > 0 {
			c.urls += ","
		}
		c.urls += c.servers[i].ClientURL()
	}
	eventually(t, "the cluster has a leader, and all of its servers", func() bool {
		for _, s := range c.servers {
			if s.JetStreamIsLeader() {
				return len(s.JetStreamClusterPeers()) == 3
			}
		}
		return false
	})
	return c
}

// leader returns the server that leads the stream, nil if there is none.
func (c *cluster) leader(stream string) *natsServer {
	for _, s := range c.servers {
		if s.Running() && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return s
		}
	}
	return nil
}

// eventually waits for a condition, with a deadline that only a fault reaches.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatalf("not after a minute: %s", what)
		}
	}
}

func openReplicated(t testing.TB, urls, log string) hub.Backplane {
	return nats.NewBackplane(connect(t, urls), nameOf(log), nats.BackplaneConfig{Replicas: 3})
}
