package cache

import "time"

// A memo is what is remembered of a key from one flight to the next. Keys are hashed,
// since clients can make up any number. Two keys with the same hash share a memo, which
// costs an extra run of the handler or an extra stale response, and never shows a client
// another's response.
//
//	the result of the flight                    the next requests
//	stored                                      all is forgotten
//	not shared, bypassAfter times in a row      bypass the cache for bypassFor: each runs the handler for itself
//	not shared, and there is an old entry,      are served that, and revalidate it when the pause is over;
//	    or an error, a panic or a timeout         pauses double from firstRetry to longestRetry
//	Public revoked by the handler               run the handler with the credentials that they have
type memo struct {
	unshared      uint8         // responses in a row that may not be shared
	failed        uint8         // revalidations in a row without a new entry
	publicRevoked bool          // by the handler, which then sees credentials
	bypassUntil   time.Duration // until when, since the cache was made: clocks can be set
	pauseUntil    time.Duration // until when
}

const (
	bypassAfter  = 3
	bypassFor    = 10 * time.Second
	firstRetry   = 3 * time.Second
	longestRetry = time.Minute

	// rounds is how often a request waits for another before it runs the handler itself:
	// each time something may have been invalidated, or found to vary.
	rounds = 4

	// maxRemembered bounds the memos, and the remembered requests, to a few hundred KB
	// each.
	maxRemembered = 1 << 13
)

// paused reports whether to serve the stale entry as it is, because the last revalidation
// failed.
func (c *Cache) paused(k *requestKey, at *lookup) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed && at.use == stale {
		return true
	}
	m, ok := c.memos.get(c.hash(flightID(k, at.storeKey)))
	return ok && at.now.Sub(c.born) < m.pauseUntil
}

// remember notes the result of the flight; why is kept for a stored response.
func (f *flight) remember(why reason) {
	c := f.cache
	id := c.hash(f.id)
	c.mu.Lock()
	defer c.mu.Unlock()
	m, known := c.memos.get(id)
	switch {
	case f.id == "":
		return // revalidation on demand
	case why == kept:
		m.unshared, m.failed, m.bypassUntil, m.pauseUntil = 0, 0, 0, 0
		if !known {
			return
		}
	case f.old != nil:
		retry := min(firstRetry<<min(m.failed, 8), longestRetry)
		m.failed, m.pauseUntil = min(m.failed+1, 100), time.Since(c.born)+retry
	case why == serverError, why == storeFailed, why == generationsFailed, why == invalidated, why == outlived, why == tookTooLong:
		return // a response for all who waited, or a result that the flight did not cause
	default:
		if m.unshared = min(m.unshared+1, 100); m.unshared >= bypassAfter || why == isStream {
			m.bypassUntil = time.Since(c.born) + bypassFor
		}
	}
	c.memos.set(id, m)
}

// revokePublic notes that the handler has revoked Public: from now on it sees the
// credentials of requests for the key.
func (c *Cache) revokePublic(k requestKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.hash(k.key)
	m, _ := c.memos.get(id)
	m.publicRevoked = true
	c.memos.set(id, m)
}

func (c *Cache) isPublicRevoked(k *requestKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.memos.get(c.hash(k.key))
	return m.publicRevoked
}
