// Package policy holds the tests that keep the house in order: which package may
// import which, documentation, dependencies, no package state, and the exported
// API, which testdata/api records for review.
package policy
