// Package testkit is what the tests of the kit share: one way to send a
// request over each transport, on sockets or in a bubble of testing/synctest;
// connections in memory; response writers of other people's making; one reader
// for recorded vectors; the memory that is in use; and a check that no goroutine
// is left behind.
package testkit
