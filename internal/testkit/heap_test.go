package testkit_test

import (
	"runtime"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// TestHeapPeak: memory that is held at once counts, even if it is released between two
// checks, and other memory does not.
func TestHeapPeak(t *testing.T) {
	const size, slack = 64 << 20, 4 << 20 // for other allocations meanwhile
	heap := testkit.WatchHeap()
	defer heap.Stop()
	for _, test := range []struct {
		name        string
		do          func()
		least, most int64
	}{
		{"nothing", func() {}, -slack, slack},
		{"held, and let go", func() { hold(size) }, size - slack, size + slack},
		{"held piece by piece, never all of it", func() {
			for range 64 {
				hold(1 << 20)
			}
		}, -slack, slack},
	} {
		before := heap.Forget()
		test.do()
		if took := int64(heap.Peak()) - int64(before); took < test.least || took > test.most {
			t.Errorf("%s: %d KB, want %d to %d KB", test.name, took>>10, test.least>>10, test.most>>10)
		}
	}
}

// hold holds memory during one garbage collection.
func hold(size int) {
	held := make([]byte, size)
	runtime.GC()
	runtime.KeepAlive(held)
}
