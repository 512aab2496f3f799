//go:build !linux

package torture_test

// children are nowhere else: limits and mounts are other system calls there, and
// the kit makes none of them.
func children() map[string]func() error { return nil }
