package testkit

// Leaked is leaked, for the test that it finds something.
var Leaked = leaked
