package redis_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// A cluster is several masters without replicas.
type cluster struct {
	servers []*server
	ids     []string
}

// startCluster starts a cluster of the given number of servers, which share the slots.
// Even a single one refuses scripts whose keys are in several slots, as any cluster does.
func startCluster(t testing.TB, servers int) *cluster {
	c := new(cluster)
	for i := range servers {
		s := start(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t), "--cluster-node-timeout", "5000")
		s.do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		s.do("CLUSTER", "ADDSLOTSRANGE", 16384*i/servers, 16384*(i+1)/servers-1)
		id, _ := s.do("CLUSTER", "MYID").Text()
		if i > 0 {
			host, port, _ := net.SplitHostPort(c.servers[0].addr)
			s.do("CLUSTER", "MEET", host, port, c.servers[0].args[slices.Index(c.servers[0].args, "--cluster-port")+1])
		}
		c.servers, c.ids = append(c.servers, s), append(c.ids, id)
	}
	for _, s := range c.servers {
		eventually(t, "the cluster is up", func() bool {
			info, _ := s.do("CLUSTER", "INFO").Text()
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_size:%d\r", servers))
		})
	}
	return c
}

func (c *cluster) connect(t testing.TB) goredis.UniversalClient {
	client := goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{c.servers[0].addr}, ContextTimeoutEnabled: true})
	t.Cleanup(func() { client.Close() })
	return client
}

// owner returns which server has the slot of the key, and the slot.
func (c *cluster) owner(t testing.TB, client goredis.UniversalClient, key string) (server int, slot int64) {
	t.Helper()
	slot, err := client.ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	for server = len(c.servers) - 1; int(slot) < 16384*server/len(c.servers); server-- {
	}
	return server, slot
}

// move moves a slot from one server to another, key by key, as redis-cli does.
func (c *cluster) move(t testing.TB, slot int64, from, to int) {
	t.Helper()
	source, target := c.servers[from], c.servers[to]
	target.do("CLUSTER", "SETSLOT", slot, "IMPORTING", c.ids[from])
	source.do("CLUSTER", "SETSLOT", slot, "MIGRATING", c.ids[to])
	host, port, _ := net.SplitHostPort(target.addr)
	for {
		keys, err := source.do("CLUSTER", "GETKEYSINSLOT", slot, 10).StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		for _, key := range keys {
			source.do("MIGRATE", host, port, key, 0, 5000)
		}
	}
	// The target first: until the others know, they send clients to the source, which
	// redirects them.
	target.do("CLUSTER", "SETSLOT", slot, "NODE", c.ids[to])
	source.do("CLUSTER", "SETSLOT", slot, "NODE", c.ids[to])
	for i, s := range c.servers {
		if i != from && i != to {
			s.do("CLUSTER", "SETSLOT", slot, "NODE", c.ids[to])
		}
	}
}

// The slots of a log and of a store move from server to server and back while in use:
// nothing is lost, nothing comes twice, no operation fails.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3)
	client := c.connect(t)
	var nodes [2]*backplanetest.Node
	for i := range nodes {
		nodes[i] = backplanetest.NewNode(t, hub.Config{Backplane: redis.NewBackplane(c.connect(t), "log", redis.BackplaneConfig{})})
	}
	traffic := backplanetest.NewTraffic(t, nodes[:]...)
	store := redis.NewStore(c.connect(t), "cache:", redis.StoreConfig{})
	traffic.Publish(10)
	stop := traffic.Start(2)
	numbers, done := make(chan uint64), make(chan struct{})
	go func() {
		defer close(numbers)
		ctx := context.Background()
		last := uint64(0)
		for i := 0; ; i++ {
			select {
			case <-done:
				numbers <- last
				return
			default:
			}
			n, err := store.Next(ctx)
			if err == nil && n <= last {
				err = fmt.Errorf("number %d after %d", n, last)
			}
			if err == nil {
				err = store.Raise(ctx, n, "tag")
			}
			if err == nil {
				err = store.Set(ctx, &cache.Entry{Key: "page", Number: n})
			}
			if err != nil {
				t.Errorf("round %d: %v", i, err)
			}
			last = n
		}
	}()
	moves := 4
	if *long {
		moves = 40
	}
	for _, key := range []string{"log", "cache:generations"} {
		at, slot := c.owner(t, client, key)
		for range moves {
			to, before := (at+1)%len(c.servers), traffic.Taken()
			c.move(t, slot, at, to)
			at = to
			eventually(t, "events are taken after a move", func() bool { return traffic.Taken() > before+20 })
		}
	}
	close(done)
	last := <-numbers
	stop()
	if missing, gaps := traffic.Check(); missing != 0 || gaps != 0 || traffic.Failed() != 0 {
		t.Errorf("%d events are missing, %d gaps, %d events not taken; want none", missing, gaps, traffic.Failed())
	}
	if n, err := store.Latest(t.Context(), "tag"); n != last || err != nil {
		t.Errorf("the tag is at %d, %v; want %d", n, err, last)
	}
	t.Logf("%d events over %d moves of the slots", traffic.Taken(), 2*moves)
}

// A sentinel replaces a master that is gone, while writers publish. Redis does not wait
// for replicas, so the last events may be lost with the master; but no event comes twice
// or out of order, and a client that misses an event receives a gap event.
func TestSentinelReplacesMaster(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*server){
		"killed": (*server).kill,
		"silent": func(s *server) { s.pause(nil, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			master, replica := start(t, "--repl-diskless-sync-delay", "0"), start(t, "--repl-diskless-sync-delay", "0")
			host, port, _ := net.SplitHostPort(master.addr)
			replica.do("REPLICAOF", host, port)
			master.do("WAIT", 1, 0)
			sentinel := newServer(t)
			_, sentinelPort, _ := net.SplitHostPort(sentinel.addr)
			dir := t.TempDir()
			conf := filepath.Join(dir, "sentinel.conf")
			if err := os.WriteFile(conf, fmt.Appendf(nil, "bind 127.0.0.1\nport %s\ndir %s\nsentinel monitor blog %s %s 1\n"+
				"sentinel down-after-milliseconds blog 1000\nsentinel failover-timeout blog 5000\n", sentinelPort, dir, host, port), 0o600); err != nil {
				t.Fatal(err)
			}
			sentinel.args = []string{conf, "--sentinel"}
			sentinel.start()
			eventually(t, "the sentinel knows of the replica", func() bool {
				info, _ := sentinel.do("INFO", "sentinel").Text()
				return strings.Contains(info, "status=ok") && strings.Contains(info, "slaves=1")
			})
			var logs [2]*redis.Backplane
			var nodes [2]*backplanetest.Node
			for i := range nodes {
				client := goredis.NewFailoverClient(&goredis.FailoverOptions{
					MasterName: "blog", SentinelAddrs: []string{sentinel.addr}, ContextTimeoutEnabled: true,
				})
				t.Cleanup(func() { client.Close() })
				logs[i] = redis.NewBackplane(client, "log", redis.BackplaneConfig{})
				nodes[i] = backplanetest.NewNode(t, hub.Config{Backplane: logs[i]})
			}
			traffic := backplanetest.NewTraffic(t, nodes[:]...)
			traffic.Publish(10)
			stop := traffic.Start(2)
			before := traffic.Taken()
			eventually(t, "events are taken", func() bool { return traffic.Taken() > before+100 })
			end(master)
			eventually(t, "the replica is the master", func() bool {
				role, err := replica.do("ROLE").Slice()
				return err == nil && role[0] == "master"
			})
			// Events taken before this may have been by the old one.
			taken := traffic.Taken()
			eventually(t, "events are taken again", func() bool { return traffic.Taken() > taken+100 })
			stop()
			missing, gaps := traffic.Check()
			t.Logf("%d events taken, %d not; %d lost, %d gap events", traffic.Taken(), traffic.Failed(), missing, gaps)
			if gaps > 1 {
				t.Errorf("%d gap events, want one at most: one fail-over", gaps)
			}
			for i, log := range logs {
				if s := log.Stats(); s.Reconnects == 0 {
					t.Errorf("node %d: %+v; want to see the fail-over there", i, s)
				}
			}
		})
	}
}
