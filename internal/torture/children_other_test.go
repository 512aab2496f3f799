//go:build !linux

package torture_test

// children exist only on Linux: limits and mounts are other system calls elsewhere, and
// this module makes none of them.
func children() map[string]func() error { return nil }
