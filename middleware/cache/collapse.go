package cache

import (
	"context"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/problem"
)

func (c *Cache) hash(key string) uint64 { return maphash.String(c.seed, key) }

// flightID returns the key of a flight. Requests whose handlers see credentials wait for
// each other only, since they share a response only if it is public.
func flightID(k *requestKey, storeKey string) string {
	if k.credentials && !k.withheld {
		return "credentials " + storeKey
	}
	return storeKey
}

// join returns the running flight for what was looked up, or begins one for the caller
// to lead. It returns nil and why if the request should not wait: recent responses were
// for one client, several times in a row, or the response varies with values that are too
// long to remember.
func (c *Cache) join(k requestKey, at lookup) (f *flight, leads bool, why reason) {
	if len(at.storeKey) > maxKey {
		return nil, false, byVariants
	}
	id := flightID(&k, at.storeKey)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[id]; f != nil {
		f.waiting++
		return f, false, kept
	}
	if m, ok := c.memos.get(c.hash(id)); ok && time.Since(c.born) < m.bypassUntil {
		return nil, false, byPassing
	}
	f = &flight{cache: c, key: k, id: id, storeKey: at.storeKey, old: at.entry, done: make(chan struct{})}
	c.flights[id] = f // 1
	return f, true, kept
}

// lead runs the handler for all who wait. It reports false if another flight or process
// has filled the entry and the request should begin again. However it ends, it leaves no
// request waiting.
func (c *Cache) lead(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler, at lookup, filled *bool) bool {
	defer f.settle(result{outcome: retry}) // no-op if it is settled
	if f.overtaken(r, at) {
		return false
	}
	if !*filled && !f.acquireLock(r.Context()) {
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
		c.bypass(w, r, next, &k, forwarded(f.old != nil)+hasCredentials.detail())
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
			status += rec.why.detail()
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
	case res.outcome == personal, k.credentials && !res.entry.Lifetime.Public && res.outcome == shared:
		why := res.why
		if res.outcome == shared {
			why = hasCredentials
			if k.withheld { // the handler has revoked Public
				c.revokePublic(*k)
				k.withheld = false
			}
		}
		c.bypass(w, r, next, k, forward+why.detail())
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
