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
	debug.SetGCPercent(400) // of some ten thousand servers, little is alive at a time
	testkit.Main(m)
}

// ways is how many of the settings are gone through.
var ways = map[bool]int{false: 3, true: 2}[testkit.Race]

// tidy fails the test if it leaves descriptors, temporary files or goroutines
// behind. Those of a bubble are looked for after each request.
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

// openIn returns what the open descriptors of a process are, none where the
// system does not tell. Those that the runtime opens for itself, when it first
// needs them, have no name in any file system, as sockets have in theirs.
func openIn(process string) (open []string) {
	dir := filepath.Join("/proc", process, "fd")
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !strings.HasPrefix(link, "anon_inode:") { // else it is closed by now
			open = append(open, e.Name()+" "+link)
		}
	}
	return open
}

// more returns the descriptors that are open and were not before, after giving
// those that are about to be closed the time for that.
func more(before []string) (left []string) {
	for until := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		left = slices.DeleteFunc(openIn("self"), func(open string) bool { return slices.Contains(before, open) })
		if len(left) == 0 || time.Now().After(until) {
			return left
		}
	}
}
