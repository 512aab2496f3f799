// Package cache compares package cache with a handler without a cache, with the store
// that the kit uses, and with the simplest cache. The latter two do not separate the
// responses of different clients: the additional cost of the kit is for what it does
// beyond them.
package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware/cache"
)

// A rival is one way to respond to the same request repeatedly.
type rival struct {
	name   string
	module string
	role   compare.Role
	wrap   func(http.Handler) http.Handler
}

var (
	bare   = rival{"bare handler", "", compare.Floor, func(h http.Handler) http.Handler { return h }}
	rivals = []rival{
		bare,
		{"kit", "", compare.Kit, kit},
		{"kit, Vary and two tags", "", compare.Kit, kitVary},
		{"kit, private page", "", compare.Kit, kitPass},
		{"otter alone", "github.com/maypok86/otter/v2", compare.Rival, rawOtter},
		{"map and mutex", "", compare.Rival, mutexMap},
	}
)

var page1KB = bytes.Repeat([]byte("0123456789abcde\n"), 64)

// answer is a handler that only responds with 1 KB.
func answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", "1024")
	h.Set("Etag", `"1"`)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(page1KB)
}

// A page is an entry of the simple caches.
type page struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func record(h http.Handler, r *http.Request) *page {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	p := &page{header: rec.Header(), status: rec.Code}
	p.body.Write(rec.Body.Bytes())
	return p
}

func (p *page) send(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body.Bytes())
}

// asked is a request as a browser sends it.
func asked() *null.Request {
	return null.NewRequest(http.MethodGet, "/blog/1?page=2",
		"Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Encoding", "gzip, deflate, br, zstd",
		"Accept-Language", "en-GB,en;q=0.5", "Connection", "keep-alive", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Site", "none", "Upgrade-Insecure-Requests", "1", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)")
}

// hits compares the rivals with the page already cached. Start returns a function
// that requests the page once from a handler.
func hits(name, text string, per int, start func(*compare.Run, http.Handler) func()) compare.Comparison {
	c := compare.Comparison{Name: name, Text: text, Unit: "request", Per: per, Want: fmt.Sprintf("200 %s %q %s", `text/html; charset=utf-8`, `"1"`, page1KB)}
	for _, r := range rivals {
		c.Contenders = append(c.Contenders, compare.Contender{Name: r.name, Role: r.role, Module: r.module, Start: func(run *compare.Run) func() {
			h := r.wrap(http.HandlerFunc(answer))
			run.Answer(func() (said string) {
				for range 2 { // the cached response has to be the same
					rec := httptest.NewRecorder()
					h.ServeHTTP(rec, asked().Fresh(nil))
					said = fmt.Sprintf("%d %s %q %s", rec.Code, rec.Header().Get("Content-Type"), rec.Header().Get("Etag"), rec.Body)
				}
				return said
			})
			return start(run, h)
		}})
	}
	return c
}

// inMemory requests the page without a connection.
func inMemory(_ *compare.Run, h http.Handler) func() {
	requests := asked()
	return func() {
		// Like net/http, which creates a header for each response.
		h.ServeHTTP(null.NewWriter(), requests.Fresh(nil))
	}
}

// recorded uses httptest.ResponseRecorder, which keeps the response.
func recorded(_ *compare.Run, h http.Handler) func() {
	requests := asked()
	return func() { h.ServeHTTP(httptest.NewRecorder(), requests.Fresh(nil)) }
}

const each = 256

// parallel requests the page on all processors at once.
func parallel(_ *compare.Run, h http.Handler) func() {
	return func() {
		var all sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				requests := asked()
				for range each {
					h.ServeHTTP(null.NewWriter(), requests.Fresh(nil))
				}
			})
		}
		all.Wait()
	}
}

// loopback requests the page over a connection.
func loopback(run *compare.Run, h http.Handler) func() {
	server := httptest.NewServer(h)
	run.Cleanup(server.Close)
	client := server.Client()
	return func() {
		resp, err := client.Get(server.URL + "/blog/1?page=2")
		if err != nil {
			panic(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// invalidation is the cost of invalidating a thousand pages by one tag.
var invalidation = compare.Comparison{
	Name: "InvalidateTag", Text: "a thousand pages are voided by one tag", Unit: "call", Want: "1000 runs, then 1000, then 2000",
	Contenders: []compare.Contender{{Name: "kit", Role: compare.Kit, Start: func(run *compare.Run) func() {
		runs, pages := 0, hour()
		h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			runs++
			cache.Tag(r.Context(), "all")
			answer(w, r)
		}))
		fetch := func() int {
			for i := range 1000 {
				h.ServeHTTP(null.NewWriter(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil))
			}
			return runs
		}
		void := func() {
			if err := pages.InvalidateTag(context.Background(), "all"); err != nil {
				panic(err)
			}
		}
		run.Answer(func() string {
			first, again := fetch(), fetch()
			void()
			return fmt.Sprintf("%d runs, then %d, then %d", first, again, fetch())
		})
		return void
	}}},
}

// stampede sends fifty requests for an uncached page that takes twenty milliseconds.
var stampede = compare.Finding{
	Name: "Stampede",
	Text: "50 requests at once for a page that is not there yet and takes 20 ms: how often does the handler run?",
	Find: func(bool) (compare.Table, error) {
		table := compare.Table{Columns: []string{"cache", "runs", "ms"}, Values: map[string]float64{}}
		for _, r := range rivals {
			var runs atomic.Int64
			h := r.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				runs.Add(1)
				time.Sleep(20 * time.Millisecond)
				answer(w, r)
			}))
			start := time.Now()
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() { h.ServeHTTP(null.NewWriter(), asked().Fresh(nil)) })
			}
			wg.Wait()
			table.Row(r.name, runs.Load(), time.Since(start).Milliseconds())
			table.Values[r.name+" runs"] = float64(runs.Load())
		}
		if runs := table.Values["kit runs"]; runs != 1 {
			return table, fmt.Errorf("%v runs", runs)
		}
		return table, nil
	},
}

// bound stores two thousand pages of 64 KiB in a cache with a limit of 10 MiB.
var bound = compare.Finding{
	Name: "Bound",
	Text: "2000 pages of 64 KB where 10 MB are allowed: how far does the heap grow?",
	Find: func(bool) (compare.Table, error) {
		table := compare.Table{Columns: []string{"cache", "MB"}}
		var wrong error
		for _, r := range []rival{
			{"kit, 10 MB", "", compare.Kit, cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Store: cache.NewStore(10 * bytesize.MB)}).Middleware},
			{"map and mutex", "", compare.Rival, mutexMap},
		} {
			before := heap()
			h := r.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, 64<<10)) }))
			most := bytesize.Size(0)
			for i := range 2000 {
				h.ServeHTTP(null.NewWriter(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil))
				if i%200 == 199 {
					most = max(most, heap()-before)
				}
			}
			table.Row(r.name, fmt.Sprintf("%.1f", float64(most)/float64(bytesize.MB)))
			if r.role == compare.Kit && most > 13*bytesize.MB {
				wrong = fmt.Errorf("the heap grew by %v", most)
			}
			runtime.KeepAlive(h)
		}
		return table, wrong
	},
}

func heap() bytesize.Size {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return bytesize.Size(m.HeapAlloc)
}

// Suite has the comparisons of package cache.
func Suite() compare.Suite {
	return compare.Suite{
		Name: "cache",
		Text: "A page of 1 KB is asked for again and again, as a browser asks for it; a new header for each response is in the figures. " +
			"`bare handler` writes the page itself, and has nothing else to do. The other caches keep what they are given and send it to every client: " +
			"they look at no header, and know no time. What is stored has to be what the handler wrote.",
		Comparisons: []compare.Comparison{
			hits("Hit", "written to nowhere", 1, inMemory),
			hits("HitRecorded", "written to a recorder", 1, recorded),
			hits("HitParallel", "asked for on all processors at once", each*runtime.GOMAXPROCS(0), parallel),
			hits("HitLoopback", "over HTTP/1.1 on the loopback interface, the client included", 1, loopback),
			invalidation, tags,
		},
		Findings: []compare.Finding{stampede, bound},
	}
}
