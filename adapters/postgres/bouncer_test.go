package postgres_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// TestPgBouncer: behind a PgBouncer that pools transactions all works with Poll, and
// a mode of the driver that leaves no statement prepared. It is not asked of a CI,
// and skipped where there is none.
func TestPgBouncer(t *testing.T) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer"
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("no pgbouncer found")
	}
	s := shared(t)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	_, behind, _ := net.SplitHostPort(s.addr)
	config := filepath.Join(s.common.dir, "pgbouncer.ini")
	err = os.WriteFile(config, fmt.Appendf(nil, `[databases]
apiece = host=127.0.0.1 port=%s dbname=apiece user=apiece
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 10
max_client_conn = 500
`, behind, port), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command("postgres", config)
	cmd.Path = path
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	addr := net.JoinHostPort("127.0.0.1", port)
	eventually(t, "pgbouncer answers", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	pool := func(t testing.TB) *pgxpool.Pool {
		return connect(t, addr, "default_query_exec_mode=exec", "pool_max_conns=10")
	}
	t.Run("backplane", func(t *testing.T) {
		backplanetest.Suite{
			Open: func(t testing.TB, log string) hub.Backplane {
				return postgres.NewBackplane(pool(t), log, postgres.BackplaneConfig{Poll: 10 * time.Millisecond})
			},
		}.Run(t)
	})
	t.Run("store", func(t *testing.T) {
		cachetest.Suite{
			Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
				s := postgres.NewStore(pool(t), name, postgres.StoreConfig{})
				return s, s
			},
			Operations: 100,
		}.Run(t)
	})
	t.Run("transaction", func(t *testing.T) {
		p := pool(t)
		log := postgres.NewBackplane(p, t.Name(), postgres.BackplaneConfig{Poll: time.Second})
		for i := range 10 {
			err := pgx.BeginFunc(t.Context(), p, func(tx pgx.Tx) error {
				at, err := log.AppendTx(t.Context(), tx, "t", stream.Event{Data: strings.Repeat("x", i)})
				if err == nil && at.Seq != uint64(i+1) {
					t.Errorf("appended as %v", at)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
