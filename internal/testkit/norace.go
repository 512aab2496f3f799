//go:build !race

package testkit

// Race reports whether the race detector is on. It allocates, so tests that
// count allocations leave the counting out.
const Race = false
