package testkit

import (
	"testing"
	"time"
)

// Soon returns what comes from ch. It fails the test if nothing comes for so
// long that nothing will.
func Soon[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Minute):
		t.Fatalf("timeout: %s", what)
	}
	return v
}
