package faults_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(suffer(name))
	}
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
	before, running := descriptors(), runtime.NumGoroutine()
	t.Cleanup(func() {
		until := time.Now().Add(2 * time.Second)
		for (descriptors() > before || runtime.NumGoroutine() > running) && time.Now().Before(until) {
			time.Sleep(time.Millisecond)
		}
		if after := descriptors(); after > before {
			t.Errorf("%d descriptors are open, before there were %d", after, before)
		}
		if now := runtime.NumGoroutine(); now > running {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines, before there were %d:\n%s", now, running, buf[:runtime.Stack(buf, true)])
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("files left behind: %v", left)
		}
	})
}

// descriptors counts those that are open, 0 where the system does not tell.
func descriptors() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
