package testkit

import (
	"testing"
	"time"
)

// Soon returns the next value of ch. It fails the test after a wait that no value would
// need.
func Soon[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Minute):
		t.Fatalf("timeout: %s", what)
	}
	return v
}
