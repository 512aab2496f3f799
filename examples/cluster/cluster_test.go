package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/apiece/apiece/examples/blog/service"
	"github.com/apiece/apiece/stream"
)

// TestClusterKilledProcess runs two processes over each engine, and kills one of them while both get posts.
func TestClusterKilledProcess(t *testing.T) {
	program := filepath.Join(t.TempDir(), "cluster")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, engine := range []struct {
		name   string
		start  func(*testing.T) string
		shared bool // the cached pages
	}{
		{"postgres", startPostgres, true},
		{"nats", startNATS, false},
		{"redis", startRedis, true},
	} {
		t.Run(engine.name, func(t *testing.T) {
			flags := []string{"-" + engine.name, engine.start(t)}
			one, two := start(t, program, flags), start(t, program, flags)

			// A post to one process reaches the readers of the other.
			reader := listen(t, two, "")
			for _, at := range []*process{one, two, one} {
				p := write(t, at, "before")
				if e := reader.next(); e.post.ID != p.ID {
					t.Fatalf("posted %d, and the reader was sent %d", p.ID, e.post.ID)
				}
			}

			// Writers at both, a reader at the process that is killed. Each accepted
			// post is announced once, in the same order to all.
			doomed := listen(t, one, "")
			var writers sync.WaitGroup
			var mu sync.Mutex
			var accepted []int
			const each = 20
			for range 4 {
				writers.Go(func() {
					for range each {
						p := write(t, two, "during")
						mu.Lock()
						accepted = append(accepted, p.ID)
						mu.Unlock()
					}
				})
			}
			// Its process may have received the last post only after the reader subscribed.
			first := []int{doomed.skip("before").post.ID}
			for range each {
				first = append(first, doomed.next().post.ID)
			}
			last := doomed.last
			one.kill()
			writers.Wait()

			var all []int
			for len(all) < 4*each {
				all = append(all, reader.next().post.ID)
			}
			moved := listen(t, two, last)
			for len(first) < 4*each {
				first = append(first, moved.next().post.ID)
			}
			if !slices.Equal(first, all) {
				t.Errorf("the reader who moved was sent\n%v, the other\n%v", first, all)
			}
			slices.Sort(accepted)
			if sorted := slices.Sorted(slices.Values(all)); !slices.Equal(sorted, accepted) {
				t.Errorf("announced %v, accepted %v", sorted, accepted)
			}

			// A new process has all posts.
			three := start(t, program, flags)
			p := write(t, three, "after")
			if e := reader.next(); e.post.ID != p.ID {
				t.Errorf("posted %d at the new process, and the reader was sent %d", p.ID, e.post.ID)
			}
			path := fmt.Sprintf("/api/post/%d", p.ID)
			if status, body := send(t, "PATCH", two, path, `{"title":"changed"}`); status != 200 {
				t.Errorf("PATCH: %d %s", status, body)
			}
			if e := reader.next(); e.post.Title != "changed" {
				t.Errorf("the reader was sent %+v", e.post)
			}
			if _, body := send(t, "GET", three, path, ""); !strings.Contains(body, `"title":"changed"`) {
				t.Errorf("at the other process: %s", body)
			}
			if status, _ := send(t, "PATCH", two, "/api/post/100000", `{"title":"x"}`); status != 404 {
				t.Errorf("a PATCH of no post: %d", status)
			}
			if _, body := send(t, "GET", two, "/api/posts", ""); strings.Count(body, `"id":`) != 2+3+4*each+1 {
				t.Errorf("%d posts", strings.Count(body, `"id":`))
			}
			if !engine.shared {
				return
			}

			// Both processes share a rendered page, and its revalidation.
			page := fmt.Sprintf("/blog/%d", p.ID)
			_, before := send(t, "GET", two, page, "")
			if _, now := send(t, "GET", three, page, ""); now != before {
				t.Errorf("rendered twice: %s and %s", before, now)
			}
			send(t, "PATCH", two, path, `{"title":"changed again"}`)
			reader.next()
			secret := `{"secret":"it is a demo, too","path":"` + page + `"}`
			if status, body := send(t, "POST", three, "/api/revalidate", secret); status != 200 {
				t.Errorf("revalidating: %d %s", status, body)
			}
			if _, now := send(t, "GET", two, page, ""); !strings.Contains(now, "changed again") {
				t.Errorf("after a revalidation at the other process: %s", now)
			}
		})
	}
}

// A process is one of the program.
type process struct {
	url string
	cmd *exec.Cmd
}

var address = regexp.MustCompile(`http://[^/]+`)

// start starts a process, which has to exit cleanly unless it is killed.
func start(t *testing.T, program string, flags []string) *process {
	t.Helper()
	cmd := exec.Command(program, append([]string{"-addr", "127.0.0.1:0"}, flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(func() {
		if p.url == "" {
			return // killed
		}
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	p.url = address.FindString(line)
	return p
}

func (p *process) kill() {
	p.url = ""
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

var client = &http.Client{Timeout: time.Minute}

// send sends a request for the common host of all processes.
func send(t *testing.T, method string, to *process, path, body string) (status int, text string) {
	r, err := http.NewRequest(method, to.url+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	r.Host = "blog.example"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(all)
}

func write(t *testing.T, to *process, title string) (p service.Post) {
	status, body := send(t, "POST", to, "/api/posts", `{"title":"`+title+`","text":"x"}`)
	if err := json.Unmarshal([]byte(body), &p); status != 201 || err != nil {
		t.Errorf("posting: %d %s", status, body)
	}
	return p
}

// A reader is a client of the feed.
type reader struct {
	t    *testing.T
	pull func() (stream.Event, error, bool)
	last string
}

type event struct {
	stream.Event
	post service.Post
}

func listen(t *testing.T, to *process, after string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", to.url+"/api/feed?topic=posts", nil)
	if err != nil {
		t.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	pull, stop := iter.Pull2(stream.NewReader(resp.Body).All())
	t.Cleanup(func() { cancel(); stop(); resp.Body.Close() })
	return &reader{t: t, pull: pull}
}

// next returns the next event, which must be one of a post.
func (r *reader) next() event {
	r.t.Helper()
	e, err, ok := r.pull()
	if err != nil || !ok || e.Name != "post" {
		r.t.Fatalf("instead of a post: %+v %v", e, err)
	}
	r.last = e.ID
	found := event{Event: e}
	if err := json.Unmarshal([]byte(e.Data), &found.post); err != nil {
		r.t.Fatal(err)
	}
	return found
}

// skip returns the first event of a post that has another title.
func (r *reader) skip(title string) event {
	r.t.Helper()
	for {
		if e := r.next(); e.post.Title != title {
			return e
		}
	}
}

// require skips the test if a server is missing, unless APIECE_REQUIRE names it.
func require(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.Contains(os.Getenv("APIECE_REQUIRE"), name) {
		t.Fatal(err)
	}
	t.Skipf("%v; set APIECE_REQUIRE=%s to fail instead", err, name)
}

// free returns a port outside the ephemeral range.
func free() string {
	for {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			l.Close()
			return port
		}
	}
}

// background runs a server until the test ends, and waits until it is reachable.
func background(t *testing.T, cmd *exec.Cmd, port string) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGINT); _ = cmd.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer", cmd.Path)
		}
	}
}

func startRedis(t *testing.T) string {
	path, err := exec.LookPath("redis-server")
	require(t, "redis", err)
	port := free()
	background(t, exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", ""), port)
	return "redis://127.0.0.1:" + port
}

func startNATS(t *testing.T) string {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not begin")
	}
	return s.ClientURL()
}

func startPostgres(t *testing.T) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = []string{filepath.Dir(path)}
	}
	if len(found) == 0 {
		require(t, "postgres", errors.New("there is no initdb in PATH or in /usr/lib/postgresql; the Debian package is called postgresql"))
	}
	bin := slices.Max(found)
	dir, err := os.MkdirTemp("", "apiece-cluster") // the directory of a test is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var attr *syscall.SysProcAttr
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		require(t, "postgres", err)
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir, cmd.SysProcAttr = dir, attr
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := command("initdb", "-D", data, "-U", "blog", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	port := free()
	background(t, command("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"), port)
	return "postgres://blog@127.0.0.1:" + port + "/postgres?pool_max_conns=20"
}
