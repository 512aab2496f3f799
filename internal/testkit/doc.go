// Package testkit is what the tests of the kit share: one way to send a
// request over each transport, response writers of other people's making, one
// reader for recorded vectors, and a check that no goroutine is left behind.
package testkit
