// Package testkit has shared helpers for tests: requests over each transport, on
// sockets or in a bubble of testing/synctest; in-memory connections; foreign response
// writers; a reader for recorded vectors; the memory in use; and a check for leaked
// goroutines.
package testkit
