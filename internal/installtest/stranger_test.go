//go:build unix

package installtest_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestInstallFromPages follows the pages, in empty folders, with the release that make release
// makes of the working tree.
func TestInstallFromPages(t *testing.T) {
	repo := newRepository(t)
	repo.run(t, "make", "release", "VERSION="+version)
	proxy := serveRelease(t, repo)
	modules := t.TempDir()
	folder := func(dir string) stranger {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		return stranger{workspace{dir, cleanEnv(
			"GOPROXY="+proxy, "GOSUMDB=off", "GOMODCACHE="+modules, "GOFLAGS=-modcacherw",
		)}}
	}
	t.Run("readme", func(t *testing.T) { testReadme(t, folder(t.TempDir())) })
	t.Run("clone", func(t *testing.T) { testClone(t, repo, folder) })
	t.Run("redis", func(t *testing.T) { testRedis(t, folder(t.TempDir())) })
	t.Run("nextroutes", func(t *testing.T) { testNextroutes(t, folder) })
}

// serveRelease returns module proxies of which the first has the release. The go
// command fetches it once, from a repository in place of the one on GitHub; the module
// cache that it fills is the proxy for the later commands.
func serveRelease(t *testing.T, repo workspace) string {
	t.Helper()
	cache := t.TempDir()
	w := workspace{t.TempDir(), cleanEnv(
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://"+repo.dir+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+module,
		"GOPROXY="+proxies(t), "GONOPROXY="+module, "GOSUMDB=off", "GOMODCACHE="+cache, "GOFLAGS=-modcacherw",
	)}
	for tag := range strings.Lines(repo.run(t, "git", "tag")) {
		dir := strings.TrimSuffix(tag, version+"\n")
		w.run(t, "go", "mod", "download", strings.TrimSuffix(module+"/"+dir, "/")+"@"+version)
	}
	return "file://" + cache + "/cache/download," + proxies(t)
}

// A stranger types commands in a folder.
type stranger struct{ workspace }

// types runs a command line, which must succeed, and returns its output.
func (s stranger) types(t *testing.T, line string) string {
	t.Helper()
	words, err := shellWords(line)
	if err != nil {
		t.Fatal(err)
	}
	output := s.run(t, words[0], words[1:]...)
	t.Logf("$ %s\n%s", line, output)
	return output
}

// serves runs a command line until the end of the test, and returns when it listens on
// an address.
func (s stranger) serves(t *testing.T, line, address string) {
	t.Helper()
	words := strings.Fields(line)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := s.command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	// "go run" leaves its program running if only "go run" is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	t.Logf("$ %s", line)
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case failed := <-ended:
			ended <- failed
		default:
			if time.Now().Before(deadline) {
				continue
			}
		}
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("%s does not listen on %s: %v\n%s", line, address, err, text)
	}
}

// testReadme follows README.md up to its second section. It changes only the port,
// which another program may use.
func testReadme(t *testing.T, s stranger) {
	const fixed = "localhost:8080"
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	address := fmt.Sprint("localhost:", listener.Addr().(*net.TCPAddr).Port)
	part := strings.ReplaceAll(pagePart(t, "README.md", "# apiece", "## One piece at a time"), fixed, address)

	var greeting string
	installs, programs, answers := 0, 0, 0
	for _, step := range steps(t, part) {
		switch {
		case step.program != "":
			programs++
			if !strings.Contains(step.program, address) {
				t.Fatalf("the program does not listen on %s", fixed)
			}
			s.write(t, "main.go", step.program)
		case strings.HasPrefix(step.command, "go run "):
			s.serves(t, step.command, address)
		case strings.HasPrefix(step.command, "curl "):
			answers++
			body, err := curl(step.command)
			t.Logf("$ %s\n%s", step.command, body)
			if want := strings.TrimSuffix(step.output, "\n"); err != nil || body != want {
				t.Errorf("%s\ngives %s, %v\nwant  %s", step.command, body, err, want)
			}
			if greeting == "" {
				greeting = body
			}
		default:
			installs++
			s.types(t, step.command)
		}
	}
	for _, command := range typed(part, "curl") {
		answers++
		body, err := curl(command)
		t.Logf("$ %s\n%s", command, body)
		if err != nil || body != greeting {
			t.Errorf("%s\ngives %s, %v\nwant  %s", command, body, err, greeting)
		}
	}
	if installs == 0 || programs != 1 || answers < 3 {
		t.Errorf("README.md has %d commands to install, %d programs and %d calls", installs, programs, answers)
	}

	before := s.read(t, "go.mod")
	s.types(t, "go mod tidy")
	s.types(t, "go build")
	if after := s.read(t, "go.mod"); !strings.Contains(after, module+" "+version+"\n") || len(after) >= len(before) {
		t.Errorf("go mod tidy made of\n%s\nthis:\n%s", before, after)
	}
}

// testClone uses a clone next to a module, as the README says.
func testClone(t *testing.T, repo workspace, folder func(string) stranger) {
	parent := t.TempDir()
	if err := os.Symlink(repo.dir, filepath.Join(parent, "apiece")); err != nil {
		t.Fatal(err)
	}
	s := folder(filepath.Join(parent, "hello"))
	for _, step := range steps(t, pagePart(t, "README.md", "# apiece", "## One piece at a time")) {
		switch {
		case step.program != "":
			s.write(t, "main.go", step.program)
		case strings.HasPrefix(step.command, "go mod init "):
			s.types(t, step.command)
		}
	}
	commands := typed(pagePart(t, "README.md", "To use a clone", "## One piece at a time"), "go")
	if len(commands) < 2 || !strings.Contains(commands[0], "-replace") {
		t.Fatalf("README.md says of a clone: %q", commands)
	}
	for _, command := range commands {
		if command != "go get" { // which they replace
			s.types(t, command)
		}
	}
	s.types(t, "go build")
}

// testRedis installs the adapter as its documentation says, and runs its examples
// outside of its module.
func testRedis(t *testing.T, s stranger) {
	docs := s.at(filepath.Join(root, "adapters/redis"))
	_, after, _ := strings.Cut(docs.read(t, "doc.go"), "//\tgo get ")
	path, _, _ := strings.Cut(after, "\n")
	if path != module+"/adapters/redis" {
		t.Fatalf("the documentation of adapters/redis has no line of go get for it, but %q", path)
	}
	s.types(t, "go mod init example.com/service")
	s.types(t, "go get "+path)
	s.write(t, "main.go", `package main

import (
	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/stream/hub"
)

func main() {
	client := goredis.NewClient(&goredis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
	hub.New(hub.Config{Backplane: redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{})})
}
`)
	s.types(t, "go build")

	examples := docs.read(t, "example_test.go")
	if err := os.Remove(filepath.Join(s.dir, "main.go")); err != nil {
		t.Fatal(err)
	}
	s.write(t, "example_test.go", examples)
	s.types(t, "go mod tidy")
	output := s.types(t, "go test -v .")
	if ran := strings.Count(output, "--- PASS: Example"); ran == 0 || ran != strings.Count(examples, "\nfunc Example") {
		t.Errorf("%d examples ran:\n%s", ran, output)
	}
	if gomod := s.read(t, "go.mod"); !strings.Contains(gomod, path+" "+version+"\n") || !strings.Contains(gomod, module+" "+version+"\n") {
		t.Errorf("go.mod of the service:\n%s", gomod)
	}
}

func (s stranger) at(dir string) workspace { return workspace{dir, s.env} }

// testNextroutes runs the command in MIGRATING.md, next to a Next.js project and in a
// folder without a module.
func testNextroutes(t *testing.T, folder func(string) stranger) {
	parent := t.TempDir()
	s := folder(filepath.Join(parent, "empty"))
	web := s.at(filepath.Join(parent, "web"))
	web.write(t, "pages/api/post/[pid].ts", "export default function handler(req, res) {}")
	web.write(t, "app/api/todos/route.ts", "export function POST() {}\nexport function GET() {}")
	const want = `
ROUTE            METHODS    FILE
/api/post/[pid]  any        pages/api/post/[pid].ts
/api/todos       GET, POST  app/api/todos/route.ts
`
	const wantGo = `		// app/api/todos/route.ts
		"/api/todos": middleware.Methods{
			"GET":     next,
			"POST":    next,
			"OPTIONS": next,
		},
`
	ran, ranGo := 0, 0
	for _, m := range block.FindAllStringSubmatch(pagePart(t, "MIGRATING.md", "# ", "`pattern.FromFile`"), -1) {
		command := strings.TrimSuffix(strings.TrimSuffix(m[2], "\n"), " > routes.go") // which a shell would do
		switch {
		case !strings.HasPrefix(command, "go run "):
		case strings.Contains(command, " -go "):
			ranGo++
			if got := s.types(t, command); !strings.Contains(got, wantGo) {
				t.Errorf("%s prints\n%s, want in it\n%s", command, got, wantGo)
			}
		default:
			ran++
			if got := s.types(t, command); got != want[1:] {
				t.Errorf("%s prints\n%s, want%s", command, got, want)
			}
		}
	}
	if ran != 1 || ranGo != 1 {
		t.Errorf("MIGRATING.md has %d commands that print a table, and %d that print Go", ran, ranGo)
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
