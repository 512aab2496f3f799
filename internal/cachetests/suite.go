package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The versions: a commit of the suite, whose npm package is years older, and the HTTP
// client that some of its tests need besides that of Node.
const (
	commit = "b55b8bda3dbb8c927c04e85bd8d496a8caa3e4ba"
	undici = "undici@7.30.2"
)

//go:embed run.mjs
var runner []byte

// A suite is a directory with the suite and its dependencies.
type suite struct{ dir string }

// checkOut returns the suite, from the user's cache if it is there.
func checkOut(ctx context.Context, source string) (suite, error) {
	home, err := os.UserCacheDir()
	if err != nil {
		return suite{}, err
	}
	dir := filepath.Join(home, "apiece", "cache-tests-"+commit[:12])
	s := suite{dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return s, err
	}
	if err := os.WriteFile(filepath.Join(dir, "run.mjs"), runner, 0o644); err != nil {
		return s, err
	}
	if _, err := os.Stat(s.path("node_modules", "undici")); err != nil {
		if err := command(ctx, dir, "npm", "install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", undici); err != nil {
			return s, err
		}
	}
	if _, err := os.Stat(s.path("suite", "tests")); err == nil {
		return s, nil
	}
	if err := os.RemoveAll(s.path("suite")); err != nil {
		return s, err
	}
	return s, errors.Join(
		command(ctx, dir, "git", "clone", "--quiet", "--no-checkout", source, "suite"),
		command(ctx, dir, "git", "-C", "suite", "checkout", "--quiet", commit),
	)
}

func (s suite) path(elem ...string) string { return filepath.Join(append([]string{s.dir}, elem...)...) }

// serveOrigin starts the server of the suite, and returns its address.
func (s suite) serveOrigin(ctx context.Context) (address string, stop func(), err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	node := exec.CommandContext(ctx, "node", "test-engine/server/server.mjs")
	node.Dir = s.path("suite")
	node.Env = append(os.Environ(), "npm_config_protocol=http", "npm_config_port="+port,
		"npm_config_pidfile="+s.path("origin.pid"))
	node.Stderr = os.Stderr
	out, err := node.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := node.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { node.Process.Kill(); node.Wait() }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "Listening") {
			go io.Copy(io.Discard, out) // its output about each test
			return "http://localhost:" + port, stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("the origin of the suite does not listen: %w", lines.Err())
}

func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}

// runAll runs every test that is not only for browsers.
func (s suite) runAll(ctx context.Context, base string) (result, error) {
	node := exec.CommandContext(ctx, "node", "--no-warnings", s.path("run.mjs"), s.path("suite"), base)
	node.Stderr = os.Stderr
	out, err := node.Output()
	if err != nil {
		return result{}, err
	}
	r := result{Suite: commit}
	return r, json.Unmarshal(out, &r)
}

// runOne runs one test, which prints its requests and responses.
func (s suite) runOne(ctx context.Context, base, id string) error {
	return command(ctx, s.dir, "node", "--no-warnings", "run.mjs", s.path("suite"), base, id)
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return nil
}
