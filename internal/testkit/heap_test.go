package testkit_test

import (
	"runtime"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
)

// TestHeapPeak: what is held at once counts, even if it is let go of between
// two looks, and what is not held does not.
func TestHeapPeak(t *testing.T) {
	const size, slack = 64 << 20, 4 << 20 // what else comes and goes meanwhile
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

// hold holds memory for as long as it takes to collect garbage.
func hold(size int) {
	held := make([]byte, size)
	runtime.GC()
	runtime.KeepAlive(held)
}
