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
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// TestPgBouncer: with a PgBouncer that pools transactions everything works with Poll, and
// a mode of the driver without prepared statements. The test is skipped without a
// PgBouncer; a CI need not have one.
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
	host, _, _ := strings.Cut(s.addr, "/")
	_, behind, _ := net.SplitHostPort(host)
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
	cmd := s.command(path, config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	host = net.JoinHostPort("127.0.0.1", port)
	eventually(t, "pgbouncer answers", func() bool {
		c, err := net.Dial("tcp", host)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	pool := func(t testing.TB) *pgxpool.Pool {
		return connect(t, host+"/apiece", "default_query_exec_mode=exec", "pool_max_conns=10")
	}
	t.Run("backplane", func(t *testing.T) {
		backplanetest.Suite{
			Open: func(t testing.TB, log string) hub.Backplane {
				return postgres.NewBackplane(pool(t), log+port, postgres.BackplaneConfig{Poll: 10 * time.Millisecond})
			},
		}.Run(t)
	})
	t.Run("store", func(t *testing.T) {
		testStoreWith(t, postgres.NewStore(pool(t), t.Name()+port, postgres.StoreConfig{}))
	})
	t.Run("transaction", func(t *testing.T) {
		p := pool(t)
		log := postgres.NewBackplane(p, t.Name()+port, postgres.BackplaneConfig{Poll: time.Second})
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
