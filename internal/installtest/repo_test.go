package installtest_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	root    = "../.."
	module  = "github.com/apiece/apiece"
	version = "v0.999.0"
)

// A workspace is a folder, and the environment of its commands.
type workspace struct {
	dir string
	env []string
}

// cleanEnv is the environment of this process with vars, without the variables that
// redirect git and the go command.
func cleanEnv(vars ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "GIT_") ||
			strings.HasPrefix(name, "GO") && name != "GOCACHE" && name != "GOROOT" && name != "GOTMPDIR"
	})
	return append(append(env, "GIT_CONFIG_GLOBAL="+os.DevNull, "GOENV=off", "GOTOOLCHAIN=local"), vars...)
}

func (w workspace) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	return cmd
}

// try runs a command and returns its output.
func (w workspace) try(name string, args ...string) (output string, err error) {
	out, err := w.command(name, args...).CombinedOutput()
	return string(out), err
}

// run is try for a command that must succeed. It returns the standard output.
func (w workspace) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := w.command(name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

func (w workspace) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func (w workspace) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// proxies returns the sources of modules: the local module cache, served as a proxy,
// and the configured proxy for the rest.
func proxies(t *testing.T) string {
	t.Helper()
	w := workspace{".", os.Environ()}
	set := strings.Split(w.run(t, "go", "env", "GOMODCACHE", "GOPROXY"), "\n")
	return "file://" + set[0] + "/cache/download," + set[1]
}

// newRepository returns a repository whose only commit is the working tree of this one,
// with the changelog ready for the release of version.
func newRepository(t *testing.T) workspace {
	t.Helper()
	w := workspace{t.TempDir(), cleanEnv(
		"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com",
		"GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com",
		"TMPDIR="+t.TempDir(), "GOPROXY="+proxies(t), "GOSUMDB=off", "GOMODCACHE="+filepath.Join(t.TempDir(), "none"),
	)}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		switch target := filepath.Join(w.dir, name); {
		case name == ".git": // a folder, or in a worktree a file
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(target, 0o777)
		default:
			info, err := d.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			return os.WriteFile(target, content, info.Mode().Perm())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(w.read(t, "CHANGELOG.md"), "## Unreleased\n")
	if !ok {
		t.Fatal("CHANGELOG.md has no section Unreleased")
	}
	section := "\n## " + version[1:] + " - " + time.Now().Format(time.DateOnly) + "\n\n- **Changed** what this test releases.\n"
	w.write(t, "CHANGELOG.md", before+"## Unreleased\n"+section+after)
	w.run(t, "git", "init", "-q", "-b", "main")
	w.run(t, "git", "add", "-A")
	w.run(t, "git", "commit", "-q", "-m", "the working tree")
	w.check(t)
	return w
}

// check records that the commit was tested, as .ci/release check does.
func (w workspace) check(t *testing.T) {
	t.Helper()
	w.write(t, ".git/release-checked", w.run(t, "git", "rev-parse", "HEAD"))
}

// refs are the branches and tags of the repository, with their commits.
func (w workspace) refs(t *testing.T) string {
	t.Helper()
	return w.run(t, "git", "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)")
}
