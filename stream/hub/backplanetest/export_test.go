package backplanetest

import "testing"

// Rules returns the names of the rules, in order.
func Rules() (names []string) {
	for _, r := range (Suite{}).rules() {
		names = append(names, r.name)
	}
	return names
}

// Killed, Paused, Restarted and Wiped are rules as functions for any test.
func (s Suite) Killed(t testing.TB)    { s.killed(t) }
func (s Suite) Paused(t testing.TB)    { s.paused(t) }
func (s Suite) Restarted(t testing.TB) { s.restarted(t) }
func (s Suite) Wiped(t testing.TB)     { s.wiped(t) }
