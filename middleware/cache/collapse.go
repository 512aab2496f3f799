package cache

import (
	"context"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/httperr"
)

// A memo is what is remembered of a key from one flight to the next. Keys are
// hashed: clients make them up. Two that share a hash share a memo, which costs
// them a run more or an old response more, and shows no one another's.
//
//	what the flight brought                     what the next request does
//	stored                                      all is forgotten
//	not for others, passAfter times in a row    pass: for passFor, each runs the handler for itself
//	not for others, and there is an old entry   pause: that is served, and renewed when the pause is over;
//	    or an error, a panic or a timeout         pauses double from firstRetry to longestRetry
//	Public taken back by the handler            requests with credentials run the handler with them
type memo struct {
	refused  uint8         // responses in a row that were not for others
	failed   uint8         // renewals in a row that brought nothing
	personal bool          // the handler has taken Public back
	pass     time.Duration // until when, from when the cache was made: clocks are set
	pause    time.Duration // until when
}

const (
	passAfter    = 3
	passFor      = 10 * time.Second
	firstRetry   = 3 * time.Second
	longestRetry = time.Minute

	// rounds is how often a request waits for another, before it goes its own
	// way: each time something may have been invalidated, or found to vary.
	rounds = 4

	// remembered bounds the memos, and what is remembered of requests, to some
	// hundred KB each.
	remembered = 1 << 13
)

func (c *Cache) hash(key string) uint64 { return maphash.String(c.seed, key) }

// flightID returns by which key a flight is found: requests whose handlers see
// credentials wait for their like, since what comes is only for them if it is public.
func flightID(k *requestKey, slot string) string {
	if k.credentials && !k.withheld {
		return "credentials " + slot
	}
	return slot
}

// enter returns the flight in the air for what was looked for, or begins
// one for the caller to lead. It returns nil and why if the request is not to wait:
// a short while ago the response was for one client, several times in a row, or it
// varies with what is too long to remember.
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

// paused reports whether the entry that was found is to be served as it is: the
// last renewal brought nothing.
func (c *Cache) paused(k *requestKey, at *lookup) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && at.use == stale {
		return true
	}
	m, ok := c.memos.get(c.hash(flightID(k, at.slot)))
	return ok && at.now.Sub(c.born) < m.pause
}

// remember notes what the flight has brought: kept for something that was stored.
func (c *Cache) remember(f *flight, why reason) {
	id := c.hash(f.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	m, known := c.memos.get(id)
	switch {
	case f.id == "":
		return // a revalidation on demand
	case why == kept:
		m.refused, m.failed, m.pass, m.pause = 0, 0, 0, 0
		if !known {
			return
		}
	case f.old != nil:
		retry := min(firstRetry<<min(m.failed, 8), longestRetry)
		m.failed, m.pause = min(m.failed+1, 100), time.Since(c.born)+retry
	case why == serverError, why == storeFailed, why == versionsFailed, why == invalidated, why == outlived, why == tookTooLong:
		return // for all who waited, or none of its own doing
	default:
		if m.refused = min(m.refused+1, 100); m.refused >= passAfter || why == isStream {
			m.pass = time.Since(c.born) + passFor
		}
	}
	c.memos.set(id, m)
}

// withhold notes that the handler has taken Public back: from now on it is shown
// the credentials of those who ask for the key.
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

// settle gives those who wait for the flight its result, unless they have one,
// and lets others begin again.
func (c *Cache) settle(f *flight, res result) {
	if unlock := c.land(f, res); unlock != nil {
		unlock()
	}
}

// land is the part of settle that no other goroutine may come between. It
// returns what is left to do.
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

// abandon takes a flight off for which none wait. It reports false if some do.
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

// lock keeps other processes from filling the entry. It reports false if one of
// them was, and has ended.
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

// overtaken reports whether another flight has brought what f was to bring, between
// the look at the store and the entry.
func (c *Cache) overtaken(f *flight, r *http.Request, at lookup) bool {
	return c.landed.Load() != at.seen && c.lookup(r, &f.key, nil).use == fresh
}

// lead runs the handler for all who wait. It reports false if another flight or
// another process has filled the entry, and the request is to begin again. However
// it ends, none is left waiting.
func (c *Cache) lead(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler, at lookup, filled *bool) bool {
	defer c.settle(f, result{outcome: retry}) // unless it has been
	if c.overtaken(f, r, at) {
		return false
	}
	if !*filled && !c.lock(r.Context(), f) {
		*filled = true // what it brought may not be for us: the next time without
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
		httperr.Handle(w, r, err, c.cfg.OnError, c.cfg.Logger)
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

// wait answers with what another's flight brings. It reports false if that
// is not for this request, which then begins again.
func (c *Cache) wait(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, at lookup) bool {
	c.count.waiting.Add(1)
	select {
	case <-f.done:
		c.count.waiting.Add(-1)
	case <-r.Context().Done():
		c.count.waiting.Add(-1)
		err := context.Cause(r.Context())
		httperr.Handle(w, r, &httperr.Error{Status: http.StatusGatewayTimeout, Cause: err}, c.cfg.OnError, c.cfg.Logger)
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
		httperr.Handle(w, r, res.err, c.cfg.OnError, c.cfg.Logger)
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
	case err != nil && f.epoch != at.epoch: // the generations are down, and something was invalidated here
		return false
	case err == nil && !valid:
		return false
	}
	flightOf(r.Context()).inherit(res.entry)
	c.send(w, r, res.entry, forward+"; collapsed", "MISS", time.Now())
	return true
}
