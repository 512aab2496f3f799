package cache

import (
	"context"
	"net/http"
)

// A result is what a flight has for the requests that wait for it.
type result struct {
	outcome outcome
	entry   *Entry   // of shared and failed, if there is one
	vary    []string // names of the fields in the entry's key
	why     reason   // of personal
	err     error    // of failed: the error if there is no entry
}

type outcome int

const (
	personal outcome = iota // the response was for one client: each runs the handler
	shared                  // the entry is for all who wait, stored or not
	failed                  // by a 5xx, a panic or a timeout
	retry                   // look up again: another process has filled it, or nothing is known
)

// settle gives the flight's result to the requests that wait, unless they have one, and
// lets another flight begin.
func (f *flight) settle(res result) {
	if unlock := f.settleLocked(res); unlock != nil {
		unlock()
	}
}

// settleLocked is the part of settle that runs under the lock. It returns what is left to
// do.
func (f *flight) settleLocked(res result) (unlock func()) {
	c := f.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.settled {
		return nil
	}
	f.settled, f.result = true, res
	if c.flights[f.id] == f {
		delete(c.flights, f.id)
	}
	c.settledFlights.Add(1)
	close(f.done) // 2
	return f.unlock
}

// abandon removes a flight that no request waits for. It reports false if some do.
func (f *flight) abandon() bool {
	c := f.cache
	c.mu.Lock()
	waiting := f.waiting
	if c.flights[f.id] == f && waiting == 0 {
		delete(c.flights, f.id) // none can join
	}
	c.mu.Unlock()
	if waiting == 0 {
		f.settle(result{outcome: retry})
	}
	return waiting == 0
}

// acquireLock keeps other processes from filling the entry. It reports false if another
// process was filling it and is done.
func (f *flight) acquireLock(ctx context.Context) bool {
	c := f.cache
	unlock, ok := c.backend.Lock(context.WithoutCancel(ctx), f.id) // others wait for f as well
	if unlock == nil {
		return ok
	}
	c.mu.Lock()
	settled := f.settled // by FillTimeout
	f.unlock = unlock
	c.mu.Unlock()
	if settled {
		unlock()
	}
	return true
}

// overtaken reports whether another flight stored the response between the lookup and the
// start of f.
func (f *flight) overtaken(r *http.Request, at lookup) bool {
	c := f.cache
	return c.settledFlights.Load() != at.settledFlights && c.lookup(r, &f.key, nil).use == fresh
}
