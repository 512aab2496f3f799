package cache

import (
	"context"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/problem"
)

// A memo is what is remembered of a key from one flight to the next. Keys are hashed,
// since clients can make up any number. Two keys with the same hash share a memo, which
// costs an extra run of the handler or an extra stale response, and never shows a client
// another's response.
//
//	what the flight brought                     what the next request does
//	stored                                      all is forgotten
//	not for others, passAfter times in a row    pass: for passFor, each runs the handler for itself
//	not for others, and there is an old entry   pause: that is served, and revalidated when the pause is over;
//	    or an error, a panic or a timeout         pauses double from firstRetry to longestRetry
//	Public taken back by the handler            requests with credentials run the handler with them
type memo struct {
	refused  uint8         // responses in a row that may not be shared
	failed   uint8         // revalidations in a row without a new entry
	personal bool          // the handler has taken Public back
	pass     time.Duration // until when, since the cache was made: clocks can be set
	pause    time.Duration // until when
}

const (
	passAfter    = 3
	passFor      = 10 * time.Second
	firstRetry   = 3 * time.Second
	longestRetry = time.Minute

	// rounds is how often a request waits for another before it runs the handler itself:
	// each time something may have been invalidated, or found to vary.
	rounds = 4

	// remembered bounds the memos, and the remembered requests, to a few hundred KB each.
	remembered = 1 << 13
)

func (c *Cache) hash(key string) uint64 { return maphash.String(c.seed, key) }

// flightID returns the key of a flight. Requests whose handlers see credentials wait for
// each other only, since they share a response only if it is public.
func flightID(k *requestKey, slot string) string {
	if k.credentials && !k.withheld {
		return "credentials " + slot
	}
	return slot
}

// enter returns the running flight for what was looked up, or begins one for the caller
// to lead. It returns nil and why if the request should not wait: recent responses were
// for one client, several times in a row, or the response varies with values that are too
// long to remember.
func (c *Cache) enter(k requestKey, at lookup) (f *flight, leads bool, why reason) {
	if len(at.slot) > maxKey {
		return nil, false, byVariants
	}
	id := flightID(&k, at.slot)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[id]; f != nil {
		f.waiting++
		return f, false, kept
	}
	if m, ok := c.memos.get(c.hash(id)); ok && time.Since(c.born) < m.pass {
		return nil, false, byPassing
	}
	f = &flight{cache: c, key: k, id: id, slot: at.slot, old: at.entry, done: make(chan struct{})}
	c.flights[id] = f // 1
	return f, true, kept
}

// paused reports whether to serve the stale entry as it is, because the last revalidation
// failed.
func (c *Cache) paused(k *requestKey, at *lookup) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && at.use == stale {
		return true
	}
	m, ok := c.memos.get(c.hash(flightID(k, at.slot)))
	return ok && at.now.Sub(c.born) < m.pause
}

// remember notes the result of the flight; why is kept for a stored response.
func (c *Cache) remember(f *flight, why reason) {
	id := c.hash(f.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	m, known := c.memos.get(id)
	switch {
	case f.id == "":
		return // revalidation on demand
	case why == kept:
		m.refused, m.failed, m.pass, m.pause = 0, 0, 0, 0
		if !known {
			return
		}
	case f.old != nil:
		retry := min(firstRetry<<min(m.failed, 8), longestRetry)
		m.failed, m.pause = min(m.failed+1, 100), time.Since(c.born)+retry
	case why == serverError, why == storeFailed, why == versionsFailed, why == invalidated, why == outlived, why == tookTooLong:
		return // a response for all who waited, or a result that the flight did not cause
	default:
		if m.refused = min(m.refused+1, 100); m.refused >= passAfter || why == isStream {
			m.pass = time.Since(c.born) + passFor
		}
	}
	c.memos.set(id, m)
}

// withhold notes that the handler has taken Public back: from now on it sees the
// credentials of requests for the key.
func (c *Cache) withhold(k requestKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.hash(k.key)
	m, _ := c.memos.get(id)
	m.personal = true
	c.memos.set(id, m)
}

func (c *Cache) isPersonal(k *requestKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.memos.get(c.hash(k.key))
	return m.personal
}

// settle gives the flight's result to the requests that wait, unless they have one, and
// lets another flight begin.
func (c *Cache) settle(f *flight, res result) {
	if unlock := c.land(f, res); unlock != nil {
		unlock()
	}
}

// land is the part of settle that runs under the lock. It returns what is left to do.
func (c *Cache) land(f *flight, res result) (unlock func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.settled {
		return nil
	}
	f.settled, f.result = true, res
	if c.flights[f.id] == f {
		delete(c.flights, f.id)
	}
	c.landed.Add(1)
	close(f.done) // 2
	return f.unlock
}

// abandon removes a flight that no request waits for. It reports false if some do.
func (c *Cache) abandon(f *flight) bool {
	c.mu.Lock()
	waiting := f.waiting
	if c.flights[f.id] == f && waiting == 0 {
		delete(c.flights, f.id) // none can join
	}
	c.mu.Unlock()
	if waiting == 0 {
		c.settle(f, result{outcome: retry})
	}
	return waiting == 0
}

// lock keeps other processes from filling the entry. It reports false if another process
// was filling it and is done.
func (c *Cache) lock(ctx context.Context, f *flight) bool {
	unlock, ok := c.back.Lock(context.WithoutCancel(ctx), f.id) // others wait for f as well
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
func (c *Cache) overtaken(f *flight, r *http.Request, at lookup) bool {
	return c.landed.Load() != at.seen && c.lookup(r, &f.key, nil).use == fresh
}

// lead runs the handler for all who wait. It reports false if another flight or process
// has filled the entry and the request should begin again. However it ends, it leaves no
// request waiting.
func (c *Cache) lead(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler, at lookup, filled *bool) bool {
	defer c.settle(f, result{outcome: retry}) // no-op if it is settled
	if c.overtaken(f, r, at) {
		return false
	}
	if !*filled && !c.lock(r.Context(), f) {
		*filled = true // that entry may not be for this request: do not lock the next time
		return false
	}
	c.count.misses.Add(1)
	f.buffered = !flushes(w)
	f.start(r, context.WithoutCancel(r.Context()))
	rec, inner := newRecorder(f, w, r, false)
	e, err := f.run(next, rec, inner, r)
	switch {
	case rec.state == rerun:
		k := f.key
		k.withheld = false
		c.pass(w, r, next, &k, forwarded(f.old != nil)+"; detail="+reasons[hasCredentials].token)
	case rec.state != held && err == nil:
	case (err != nil || e.Status >= 500) && f.old.servesOnError(time.Now()):
		c.sendStored(w, r, f.old, time.Now())
	case err != nil:
		problem.Handle(w, r, err, c.cfg.OnError, c.cfg.Logger)
	default:
		status := forwarded(f.old != nil)
		if rec.validated {
			status += "; fwd-status=304"
		}
		if rec.why == kept {
			status += "; stored"
		} else {
			status += "; detail=" + reasons[rec.why].token
		}
		c.send(w, r, e, status, "MISS", time.Now())
	}
	return true
}

// wait responds with the result of another request's flight. It reports false if that is
// not for this request, which then begins again.
func (c *Cache) wait(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, at lookup) bool {
	c.count.waiting.Add(1)
	select {
	case <-f.done:
		c.count.waiting.Add(-1)
	case <-r.Context().Done():
		c.count.waiting.Add(-1)
		err := context.Cause(r.Context())
		problem.Handle(w, r, &problem.Error{Status: http.StatusGatewayTimeout, Cause: err}, c.cfg.OnError, c.cfg.Logger)
		return true
	}
	res := f.result
	forward := forwarded(at.entry != nil)
	switch {
	case res.outcome == retry:
		return false
	case res.outcome == failed && at.entry.servesOnError(time.Now()),
		res.outcome == personal && at.entry.servesOnError(time.Now()) && !reasons[res.why].drops:
		c.sendStored(w, r, at.entry, time.Now())
		return true
	case res.outcome == failed && res.entry == nil:
		problem.Handle(w, r, res.err, c.cfg.OnError, c.cfg.Logger)
		return true
	case res.outcome == personal, k.credentials && !res.entry.Policy.Public && res.outcome == shared:
		why := res.why
		if res.outcome == shared {
			why = hasCredentials
			if k.withheld { // the handler has taken Public back
				c.withhold(*k)
				k.withheld = false
			}
		}
		c.pass(w, r, next, k, forward+"; detail="+reasons[why].token)
		return true
	case variant(k.key, res.vary, r.Header) != res.entry.Key:
		return false
	}
	switch valid, err := c.valid(r.Context(), res.entry); {
	case err != nil && f.epoch != at.epoch: // the generations are down, and this process has invalidated something
		return false
	case err == nil && !valid:
		return false
	}
	flightOf(r.Context()).inherit(res.entry)
	c.send(w, r, res.entry, forward+"; collapsed", "MISS", time.Now())
	return true
}
