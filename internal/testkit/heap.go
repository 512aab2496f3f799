package testkit

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

// A HeapPeak is the most memory that was in use at once: the objects that some
// garbage collection found to be reachable, and the stacks. That is what a
// program asks for. What it is given, in resident pages or address space,
// depends on the machine, on what else runs there, and on when the garbage
// collector comes round.
//
// What comes and goes between two collections is not seen. That is what may be
// allocated until the next one is due: as much as is in use, or 4 MB, unless
// GOGC says otherwise.
type HeapPeak struct {
	mu      sync.Mutex
	most    uint64
	stopped bool
}

// WatchHeap begins to look at the heap after each garbage collection.
func WatchHeap() *HeapPeak {
	h := new(HeapPeak)
	h.watch()
	return h
}

// watch notes how large the heap is when the next garbage collection finds that
// the object made here cannot be reached, and goes on.
func (h *HeapPeak) watch() {
	type tracer struct{ _ *byte }
	runtime.AddCleanup(new(tracer), func(h *HeapPeak) {
		if h.Used(); !h.over() {
			h.watch()
		}
	}, h)
}

// Collect collects the garbage, and returns what is in use.
func (h *HeapPeak) Collect() uint64 {
	runtime.GC()
	return h.Used()
}

// Forget collects the garbage, and returns what is in use, which is the peak
// from then on.
func (h *HeapPeak) Forget() uint64 {
	runtime.GC()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.most = used()
	return h.most
}

// Used returns what was in use when garbage was last collected.
func (h *HeapPeak) Used() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := used()
	h.most = max(h.most, now)
	return now
}

// Peak returns the most that has been in use.
func (h *HeapPeak) Peak() uint64 {
	h.Used()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.most
}

// Stop ends the watch.
func (h *HeapPeak) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopped = true
}

func (h *HeapPeak) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stopped
}

func used() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}
