// Package policy tests the rules of the repository: which package may import which,
// documentation, dependencies, no package state, log messages, and the exported API,
// which testdata/api records for review.
package policy
