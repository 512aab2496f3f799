//go:build !race

package testkit

// Race reports whether the race detector is on. It allocates, so tests skip counting
// allocations.
const Race = false
