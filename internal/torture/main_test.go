package torture_test

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(suffer(name))
	}
	debug.SetGCPercent(400) // of some ten thousand servers, few are alive at a time
	testkit.Main(m)
}

// ways is how many of the settings are used.
var ways = map[bool]int{false: 3, true: 2}[testkit.Race]

// tidy fails the test if it leaks descriptors, temporary files or goroutines. Those of
// a bubble are checked after each request.
func tidy(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	before := openIn("self")
	t.Cleanup(func() {
		if left := more(before); len(left) > 0 {
			t.Errorf("descriptors are left open: %q", left)
		}
		for _, stack := range testkit.Leaked(patience) {
			t.Errorf("a goroutine is left behind:\n%s", stack)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("files left behind: %v", left)
		}
	})
}

// openIn returns the open descriptors of a process, none if the system does not list
// them. Those that the runtime opens for itself, on demand, have no name in any file
// system, while sockets have one in theirs.
func openIn(process string) (open []string) {
	dir := filepath.Join("/proc", process, "fd")
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !strings.HasPrefix(link, "anon_inode:") { // otherwise it is already closed
			open = append(open, e.Name()+" "+link)
		}
	}
	return open
}

// more returns the descriptors that are open and were not before, after waiting for
// those that are about to be closed.
func more(before []string) (left []string) {
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		left = slices.DeleteFunc(openIn("self"), func(open string) bool { return slices.Contains(before, open) })
		if len(left) == 0 || time.Now().After(until) {
			return left
		}
	}
}
