// Package integration tests how the packages work together.
package integration
