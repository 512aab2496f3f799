package cachetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// The model is a number for each page, which only grows. A change raises it, and then
// notifies the caches in one of their ways; when that has returned, no reader whose
// request begins afterwards may see a smaller number. The handler shows the number it has
// read, and sometimes sleeps, panics or fails, so that changes fall into every part of a
// run.

// pages and readers of the model run.
const (
	pages   = 3
	workers = 12
)

// A world is the state of a model run.
type world struct {
	caches []*cache.Cache
	sites  []http.Handler
	data   [pages]atomic.Int64 // the number of each page
	floor  [pages]atomic.Int64 // the number that all caches must know of
	left   atomic.Int64        // operations left in a run

	// The store may fail: readers need not see a change that returned an error. A POST,
	// which gets no error, then does not count as a change.
	disturbed bool

	runs, hits, stale, invalidated, revalidated, written, failed atomic.Int64
}

// brief has entries expire, be revalidated and replace errors during a model run.
func brief() cache.Lifetime {
	return cache.Lifetime{TTL: 2 * time.Millisecond, StaleWhileRevalidate: 4 * time.Millisecond, StaleIfError: 20 * time.Millisecond}
}

func newWorld(t testing.TB, nodes int, lifetime cache.Lifetime, open func() (cache.Store, cache.Generations)) *world {
	w := &world{}
	for range nodes {
		mux := http.NewServeMux()
		store, gens := open()
		c := cache.New(cache.Config{
			Lifetime: lifetime,
			Store:    store, Generations: gens, Origin: mux,
			StatusHeader: "X-Cache",
			StoreTimeout: 10 * time.Second, // a busy machine is not down
			Logger:       slog.New(slog.DiscardHandler),
		})
		mux.Handle("/page/{id}", c.Middleware(http.HandlerFunc(w.page)))
		w.caches = append(w.caches, c)
		w.sites = append(w.sites, mux)
	}
	t.Cleanup(func() {
		for _, c := range w.caches {
			if err := c.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

func dawdle() {
	switch rand.IntN(4) {
	case 0:
		time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	case 1:
		time.Sleep(0)
	}
}

// page serves /page/{id}: GET shows the number, POST raises it.
func (m *world) page(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 0 || id >= pages {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodPost {
		dawdle()
		fmt.Fprint(w, m.data[id].Add(1))
		return
	}
	m.runs.Add(1)
	dawdle()
	cache.Tag(r.Context(), "page:"+strconv.Itoa(id))
	n := m.data[id].Load()
	dawdle()
	switch rand.IntN(20) {
	case 0:
		panic(http.ErrAbortHandler)
	case 1:
		http.Error(w, "failed", http.StatusServiceUnavailable)
		return
	}
	if id != 0 {
		w.Header().Set("Vary", "Accept-Language")
	}
	fmt.Fprint(w, n)
}

// do sends a request to one of the sites.
func (m *world) do(method, path string) (resp *httptest.ResponseRecorder) {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept-Language", []string{"en", "de"}[rand.IntN(2)])
	resp = httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			resp.Code = 0 // the connection was aborted
		}
	}()
	m.sites[rand.IntN(len(m.sites))].ServeHTTP(resp, r)
	return resp
}

// change changes a page, and returns once readers must see it.
func (m *world) change(id int) error {
	ctx := context.Background()
	path := "/page/" + strconv.Itoa(id)
	c := m.caches[rand.IntN(len(m.caches))]
	var n int64
	ways := 3
	if m.disturbed {
		ways = 2
	}
	switch rand.IntN(ways) {
	case 0:
		n = m.data[id].Add(1)
		if err := c.InvalidateTag(ctx, "page:"+strconv.Itoa(id), "other"); err != nil {
			return m.fail(err)
		}
		m.invalidated.Add(1)
	case 1:
		n = m.data[id].Add(1)
		err := c.Revalidate(ctx, path)
		var failed *cache.RevalidateError
		switch {
		case errors.As(err, &failed):
			m.failed.Add(1)
			return nil // the old page stays, as it must
		case err != nil:
			return m.fail(err)
		}
		m.revalidated.Add(1)
	case 2:
		resp := m.do(http.MethodPost, path)
		var err error
		if n, err = strconv.ParseInt(resp.Body.String(), 10, 64); err != nil {
			return fmt.Errorf("POST: %d %q", resp.Code, resp.Body)
		}
		m.written.Add(1)
	}
	for {
		floor := m.floor[id].Load()
		if n <= floor || m.floor[id].CompareAndSwap(floor, n) {
			return nil
		}
	}
}

// fail returns the error of a change, unless errors are expected.
func (m *world) fail(err error) error {
	if !m.disturbed {
		return err
	}
	m.failed.Add(1)
	return nil
}

// read reads a page and checks its number.
func (m *world) read(id int) error {
	floor := m.floor[id].Load()
	resp := m.do(http.MethodGet, "/page/"+strconv.Itoa(id))
	if resp.Code != http.StatusOK {
		return nil // an error is not stale
	}
	n, err := strconv.ParseInt(resp.Body.String(), 10, 64)
	if err != nil {
		return fmt.Errorf("page %d: %q", id, resp.Body)
	}
	switch resp.Header().Get("X-Cache") {
	case "HIT":
		m.hits.Add(1)
	case "STALE":
		m.stale.Add(1)
	}
	status := resp.Header().Get("Cache-Status")
	if m.disturbed && strings.Contains(status, "collapsed") {
		// If the store fails, requests that waited for a run get its response: running
		// the handler for each would be worse.
		return nil
	}
	if n < floor {
		return fmt.Errorf("page %d: a reader was shown %d (%s) after %d was complete", id, n, status, floor)
	}
	return nil
}

// run makes the given number of requests and changes, and returns the first
// contradiction.
func (m *world) run(operations int) error {
	m.left.Store(int64(operations))
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for m.left.Add(-1) >= 0 {
				id := rand.IntN(pages)
				var err error
				if rand.IntN(10) == 0 {
					err = m.change(id)
				} else {
					err = m.read(id)
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

func (m *world) String() string {
	return fmt.Sprintf("%d runs of the handler; %d hits, %d stale; %d tags invalidated, %d pages revalidated, %d written, %d failed",
		m.runs.Load(), m.hits.Load(), m.stale.Load(), m.invalidated.Load(), m.revalidated.Load(), m.written.Load(), m.failed.Load())
}

func (s Suite) operations() int { return cmp.Or(s.Operations, 4000) }

func (s Suite) model(t *testing.T) {
	operations := s.operations()
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			w := newWorld(t, nodes, brief(), func() (cache.Store, cache.Generations) { return s.Open(t, t.Name()) })
			if err := w.run(operations); err != nil {
				t.Error(err)
			}
			t.Logf("%d operations: %v", operations, w)
		})
	}
}

// shared: an invalidation in one cache holds for all.
func (s Suite) shared(t *testing.T) {
	var shown atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "page")
		fmt.Fprint(w, shown.Load())
	})
	var caches [2]*cache.Cache
	var sites [2]*http.ServeMux
	for i := range caches {
		store, gens := s.Open(t, t.Name())
		sites[i] = http.NewServeMux()
		caches[i] = cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: gens, Origin: sites[i]})
		sites[i].Handle("/page", caches[i].Middleware(handler))
	}
	look := func(site int) string {
		w := httptest.NewRecorder()
		sites[site].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/page", nil))
		return w.Body.String()
	}
	expect := func(want, when string) {
		t.Helper()
		for i := range sites {
			if got := look(i); got != want {
				t.Fatalf("%s: node %d shows %s, want %s", when, i, got, want)
			}
		}
	}
	expect("0", "at first")
	shown.Add(1)
	expect("0", "without being told")
	if err := caches[0].InvalidateTag(t.Context(), "page"); err != nil {
		t.Fatal(err)
	}
	expect("1", "after an invalidation on one")
	shown.Add(1)
	if err := caches[1].Revalidate(t.Context(), "/page"); err != nil {
		t.Fatal(err)
	}
	shown.Add(1) // too late for the response just made
	expect("2", "after a revalidation on one")
	w := httptest.NewRecorder()
	sites[0].ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/page", nil))
	expect("3", "after a POST to one")
}
