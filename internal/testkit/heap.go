package testkit

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

// A HeapPeak is the most memory that was in use at once: the objects that a garbage
// collection found reachable, and the stacks. That is what a program needs. What it
// gets, in resident pages or address space, depends on the machine, on other processes,
// and on when the garbage collector runs.
//
// Memory that is allocated and freed between two collections is not seen. It is at most
// what may be allocated until the next one: as much as is in use, or 4 MB, unless GOGC
// is set.
type HeapPeak struct {
	mu      sync.Mutex
	most    uint64
	stopped bool
}

// WatchHeap starts to measure the heap after each garbage collection.
func WatchHeap() *HeapPeak {
	h := new(HeapPeak)
	h.watch()
	return h
}

// watch records the size of the heap when the next garbage collection finds the object
// made here unreachable, and repeats that.
func (h *HeapPeak) watch() {
	type tracer struct{ _ *byte }
	runtime.AddCleanup(new(tracer), func(h *HeapPeak) {
		if h.Used(); !h.over() {
			h.watch()
		}
	}, h)
}

// Collect runs a garbage collection, and returns the memory in use.
func (h *HeapPeak) Collect() uint64 {
	runtime.GC()
	return h.Used()
}

// Forget runs a garbage collection, and returns the memory in use, which becomes the
// peak.
func (h *HeapPeak) Forget() uint64 {
	runtime.GC()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.most = used()
	return h.most
}

// Used returns the memory in use at the last garbage collection.
func (h *HeapPeak) Used() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := used()
	h.most = max(h.most, now)
	return now
}

// Peak returns the most memory that was in use.
func (h *HeapPeak) Peak() uint64 {
	h.Used()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.most
}

// Stop stops measuring.
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
