// Package integration tests what the pieces do together.
package integration
