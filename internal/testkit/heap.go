package testkit

import (
	"runtime"
	"runtime/metrics"
	"sync/atomic"
)

// A HeapPeak is the most memory that was in use at once: the objects that some
// garbage collection found to be reachable, and the stacks. That is what a
// program asks for. What it is given, in resident pages or address space,
// depends on the machine, on what else runs there, and on how far the garbage
// collector lags behind.
type HeapPeak struct {
	most    atomic.Uint64
	stopped atomic.Bool
}

// WatchHeap begins to look at the heap after each garbage collection. The first
// is now.
func WatchHeap() *HeapPeak {
	h := new(HeapPeak)
	h.Collect()
	h.watch()
	return h
}

// watch notes how large the heap is when the next garbage collection finds that
// the object made here cannot be reached, and goes on.
func (h *HeapPeak) watch() {
	type tracer struct{ _ *byte }
	runtime.AddCleanup(new(tracer), func(h *HeapPeak) {
		h.note()
		if !h.stopped.Load() {
			h.watch()
		}
	}, h)
}

// Collect collects the garbage, and returns what is in use.
func (h *HeapPeak) Collect() uint64 {
	runtime.GC()
	return h.note()
}

// Forget begins anew, and returns what is in use.
func (h *HeapPeak) Forget() uint64 {
	h.Collect() // or what is noted next is how it was
	h.most.Store(0)
	return h.Collect()
}

// Peak collects the garbage, and returns the most that has been in use.
func (h *HeapPeak) Peak() uint64 {
	h.Collect()
	return h.most.Load()
}

// Stop ends the watch.
func (h *HeapPeak) Stop() { h.stopped.Store(true) }

func (h *HeapPeak) note() uint64 {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	used := samples[0].Value.Uint64() + samples[1].Value.Uint64()
	for {
		most := h.most.Load()
		if used <= most || h.most.CompareAndSwap(most, used) {
			return used
		}
	}
}
