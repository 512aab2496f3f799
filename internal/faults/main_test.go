package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) {
	testkit.Main(m)
}

// tidy fails the test if it leaves descriptors or temporary files behind.
// Goroutines are looked for after each request.
func tidy(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	before := descriptors()
	t.Cleanup(func() {
		until := time.Now().Add(2 * time.Second)
		for descriptors() > before && time.Now().Before(until) {
			time.Sleep(time.Millisecond)
		}
		if after := descriptors(); after > before {
			t.Errorf("%d descriptors are open, before there were %d", after, before)
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
