package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/internal/testkit"
)

// patience is how long tests wait for what should come at once.
const patience = time.Minute

func TestMain(m *testing.M) { testkit.Main(m, everybodys.end) }

// everybodys is shared by all tests: the data of a new server, and a running server for
// tests that do it no harm.
var everybodys struct {
	common
	sync.Once
	err error
}

// common is a named type so that a function can make it.
type common struct {
	bin  string // directory of the programs
	dir  string
	uid  *syscall.Credential // of the servers; nil for that of the test
	main *server
}

func (c *common) end() {
	if c.main != nil {
		c.main.kill()
	}
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
}

var errNone = errors.New("there is no initdb in PATH or in /usr/lib/postgresql/*/bin; the Debian package is called postgresql")

// prepare makes the data of a new server, with a user and a database called apiece.
// PostgreSQL's programs refuse to run as root.
func (c *common) prepare() (err error) {
	if c.bin = programs(); c.bin == "" {
		return errNone
	}
	if c.dir, err = os.MkdirTemp("", "apiece-postgres"); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if c.uid, err = unprivileged(); err != nil {
			return err
		}
		if err = os.Chown(c.dir, int(c.uid.Uid), int(c.uid.Gid)); err != nil {
			return err
		}
	}
	data := filepath.Join(c.dir, "new")
	if err = c.run("", "initdb", "-D", data, "-U", "admin", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "--wal-segsize=1"); err != nil {
		return err
	}
	err = c.run("create role apiece login;\ncreate database apiece owner apiece;\n", "postgres", "--single", "-F", "-D", data, "postgres")
	if err != nil {
		return err
	}
	c.main = &server{common: c}
	return c.main.begin("-c", "fsync=off")
}

func programs() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(slices.Max(found))
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("run by root, and there is no user called postgres or nobody")
}

// command returns a command for a program of PostgreSQL, or for another by its path.
func (c *common) command(name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.bin, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	if c.uid != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.uid}
	}
	return cmd
}

func (c *common) run(input, name string, args ...string) error {
	cmd := c.command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// through returns a proxy to a server, and the address of the database through it.
func through(t testing.TB, addr string) (*testkit.Proxy, string) {
	server, database, _ := strings.Cut(addr, "/")
	p := testkit.NewProxy(t, server)
	return p, p.Addr + "/" + database
}

// setup skips the test if there is no PostgreSQL.
func setup(t testing.TB) *common {
	t.Helper()
	everybodys.Do(func() { everybodys.err = everybodys.prepare() })
	switch err := everybodys.err; {
	case errors.Is(err, errNone) && !strings.Contains(os.Getenv("APIECE_REQUIRE"), "postgres"):
		t.Skipf("%v; set APIECE_REQUIRE=postgres to fail instead", err)
	case err != nil:
		t.Fatal(err)
	}
	return &everybodys.common
}

// A server is a PostgreSQL server, or one database of it.
type server struct {
	*common
	addr string // with the name of the database: host:port/name
	dir  string
	args []string
	cmd  *exec.Cmd
}

// shared returns the server that tests share.
func shared(t testing.TB) *server {
	t.Helper()
	return setup(t).main
}

// database returns an empty database of the shared server, for one test.
func database(t testing.TB) *server {
	t.Helper()
	s := *shared(t)
	name := fmt.Sprintf("test%d", rand.Uint32())
	s.exec(t, `create database `+name+` owner apiece template template0`)
	host, _, _ := strings.Cut(s.addr, "/")
	s.addr = host + "/" + name
	if err := s.migrate(); err != nil {
		t.Fatal(err)
	}
	return &s
}

// start starts a server for one test, with its data in dir if that is not empty.
func start(t testing.TB, dir string, args ...string) *server {
	t.Helper()
	s := &server{common: setup(t), dir: dir}
	t.Cleanup(func() {
		s.kill()
		os.RemoveAll(s.dir)
	})
	if err := s.begin(args...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) begin(args ...string) error {
	if s.dir == "" {
		s.dir = filepath.Join(s.common.dir, fmt.Sprintf("data-%d", rand.Uint32()))
	}
	if out, err := exec.Command("cp", "-a", filepath.Join(s.common.dir, "new"), s.dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	s.addr = net.JoinHostPort("127.0.0.1", port) + "/apiece"
	s.args = append([]string{
		"-D", s.dir, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=300", "-c", "shared_buffers=32MB", "-c", "min_wal_size=8MB", "-c", "max_wal_size=64MB",
	}, args...)
	if err := s.start(); err != nil {
		return err
	}
	return s.migrate()
}

func (s *server) migrate() error {
	pool, err := pgxpool.New(context.Background(), s.url("apiece"))
	if err != nil {
		return err
	}
	defer pool.Close()
	return postgres.Migrate(context.Background(), pool)
}

// freePort returns a port that stays free until a server takes it, and while that
// restarts: it is outside of the ephemeral range.
func freePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			l.Close()
			return port, nil
		}
	}
	return "", errors.New("no port is free")
}

// start starts the server, and after kill restarts it on the same port with its data.
func (s *server) start() error {
	log, err := os.OpenFile(filepath.Join(s.common.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = s.command("postgres", s.args...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(context.Background(), s.url("admin"))
		if err == nil {
			return conn.Close(context.Background())
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, text[max(0, len(text)-5000):])
		}
	}
}

// kill ends the server at once: unwritten data is lost as in a crash.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.signal(syscall.SIGCONT)
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *server) restart(t testing.TB) {
	t.Helper()
	s.kill()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// signal sends a signal to all processes of the server.
func (s *server) signal(sig syscall.Signal) {
	pid := s.cmd.Process.Pid
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = syscall.Kill(pid, sig)
	for child := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(child); err == nil {
			_ = syscall.Kill(pid, sig)
		}
	}
}

func (s *server) url(user string) string { return urlOf(s.addr, user) }

func urlOf(addr, user string) string {
	return "postgres://" + user + "@" + addr + "?sslmode=disable&connect_timeout=10"
}

// connect returns a pool of the unprivileged user, to the server or to a proxy. It
// already has a connection: making one takes longer than a cache waits if the machine is
// busy.
func connect(t testing.TB, addr string, options ...string) *pgxpool.Pool {
	t.Helper()
	pool := dial(t, urlOf(addr, "apiece")+"&"+strings.Join(options, "&"))
	if err := pool.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	return pool
}

func dial(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// A tracer is told of every executed statement about locks.
type tracer chan bool

type aboutLocks struct{}

func (c tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, aboutLocks{}, strings.Contains(q.SQL, "apiece_lock"))
}

func (c tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if ctx.Value(aboutLocks{}).(bool) {
		c <- true
	}
}

func traced(t testing.TB, addr string, to tracer) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(urlOf(addr, "apiece"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.Tracer = to
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// exec runs a statement as the superuser.
func (s *server) exec(t testing.TB, sql string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), s.url("admin"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	tag, err := conn.Exec(context.Background(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
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
