// Package cache_test measures package cache beside a handler that answers
// itself, the store that the kit uses, and the cache that everybody writes
// first. None of the other two keeps from one client what is another's: what
// the kit does beyond them is what it costs more.
package cache_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware/cache"
)

var (
	report = flag.Bool("report", false, "measure, and print the tables of ratios")
	rounds = flag.Int("rounds", 25, "rounds of the report")
)

// A rival is one way to answer the same request again and again.
type rival struct {
	name string
	wrap func(http.Handler) http.Handler
}

var rivals = []rival{
	{"bare handler", func(h http.Handler) http.Handler { return h }},
	{"kit", kit},
	{"kit, Vary and two tags", kitVary},
	{"kit, private page", kitPass},
	{"otter alone", rawOtter},
	{"map and mutex", mutexMap},
}

var text = bytes.Repeat([]byte("0123456789abcde\n"), 64)

// answer is a handler that has nothing to do but to answer with 1 KB.
func answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", "1024")
	h.Set("Etag", `"1"`)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text)
}

// A page is what the simple caches keep.
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

// null is a ResponseWriter that does nothing.
type null struct{ header http.Header }

func (w *null) Header() http.Header         { return w.header }
func (w *null) WriteHeader(int)             {}
func (w *null) Write(p []byte) (int, error) { return len(p), nil }

// request is one as a browser sends it.
func request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/blog/1?page=2", nil)
	for name, value := range map[string]string{
		"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br, zstd",
		"Accept-Language": "en-GB,en;q=0.5", "Connection": "keep-alive", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate",
		"Sec-Fetch-Site": "none", "Upgrade-Insecure-Requests": "1", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// inMemory returns a function that serves one request without a connection.
func inMemory(r rival) func() {
	h := r.wrap(http.HandlerFunc(answer))
	in := request()
	return func() {
		// As net/http does, which makes a header for each response.
		h.ServeHTTP(&null{make(http.Header)}, in)
	}
}

// recorded is the same with the writer that most tests use, which keeps what
// it is given.
func recorded(r rival) func() {
	h := r.wrap(http.HandlerFunc(answer))
	in := request()
	return func() { h.ServeHTTP(httptest.NewRecorder(), in) }
}

// loopback returns a function that sends one request over a connection.
func loopback(t testing.TB, r rival) func() {
	server := httptest.NewServer(r.wrap(http.HandlerFunc(answer)))
	t.Cleanup(server.Close)
	client := server.Client()
	return func() {
		resp, err := client.Get(server.URL + "/blog/1?page=2")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func BenchmarkHit(b *testing.B) {
	for _, r := range rivals {
		b.Run(r.name, func(b *testing.B) {
			serve := inMemory(r)
			serve()
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

// BenchmarkHitParallel is the same on all processors.
func BenchmarkHitParallel(b *testing.B) {
	for _, r := range rivals {
		b.Run(r.name, func(b *testing.B) {
			serve := inMemory(r)
			serve()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					serve()
				}
			})
		})
	}
}

// BenchmarkInvalidateTag is the cost of voiding a thousand pages.
func BenchmarkInvalidateTag(b *testing.B) {
	c := hour()
	h := c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "all")
		answer(w, r)
	}))
	for i := range 1000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.InvalidateTag(b.Context(), "all"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestReport prints what one run measures. Rivals take turns, so that what else
// the machine does falls on all of them, and the quicker rounds count.
// Without -report it runs each of them once.
//
//	go test ./cache -run Report -report -v
func TestReport(t *testing.T) {
	out := tabwriter.NewWriter(io.Discard, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	turn := time.Duration(0)
	if *report {
		turn = 2 * time.Millisecond
		out = tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	} else {
		*rounds = 1
	}
	defer out.Flush()
	memory, kept, wire := make([]func(), len(rivals)), make([]func(), len(rivals)), make([]func(), len(rivals))
	for i, r := range rivals {
		memory[i], kept[i], wire[i] = inMemory(r), recorded(r), loopback(t, r)
	}
	table(out, "1 KB again, written to nowhere", memory, turn)
	table(out, "1 KB again, to a recorder", kept, turn)
	table(out, "1 KB again, over HTTP/1.1", wire, turn)
	stampede(t, out)
	bound(t, out)
}

func table(out io.Writer, title string, serve []func(), turn time.Duration) {
	times := make([][]float64, len(serve))
	for round := range *rounds {
		for i := range serve {
			i = (i + round) % len(serve)
			n := 0
			start := time.Now()
			for n == 0 || time.Since(start) < turn {
				for range 8 {
					serve[i]()
				}
				n += 8
			}
			times[i] = append(times[i], float64(time.Since(start).Nanoseconds())/float64(n))
		}
	}
	first := quick(times[0])
	fmt.Fprintf(out, "\n%s\tns\tx %s\tallocs\tbytes\t\n", title, rivals[0].name)
	for i, r := range rivals {
		allocs, size := cost(serve[i])
		fmt.Fprintf(out, "%s\t%.0f\t%.2f\t%d\t%d\t\n", r.name, quick(times[i]), quick(times[i])/first, allocs, size)
	}
}

// cost returns what one call allocates, on average.
func cost(f func()) (allocs, size uint64) {
	const loops = 200
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range loops {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / loops, (after.TotalAlloc - before.TotalAlloc) / loops
}

// quick returns the time of the quicker rounds: what else the machine does can
// only add to it.
func quick(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/5]
}

// stampede sends fifty requests for a page that nobody has asked for yet, and
// that takes twenty milliseconds.
func stampede(t *testing.T, out io.Writer) {
	fmt.Fprintf(out, "\n50 at once\truns\tms\t\t\t\n")
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
			wg.Go(func() { h.ServeHTTP(&null{make(http.Header)}, request()) })
		}
		wg.Wait()
		fmt.Fprintf(out, "%s\t%d\t%d\t\t\t\n", r.name, runs.Load(), time.Since(start).Milliseconds())
		if r.name == "kit" && runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
	}
}

// bound stores two thousand pages of 64 KiB where 10 MiB are allowed.
func bound(t *testing.T, out io.Writer) {
	fmt.Fprintf(out, "\n2000 pages of 64 KiB\theap grew by\t\t\t\t\n")
	for _, r := range []rival{
		{"kit, 10 MiB", cache.New(cache.Config{Policy: cache.Policy{TTL: time.Hour}, Store: cache.NewStore(10 * bytesize.MB)}).Middleware},
		{"map and mutex", mutexMap},
	} {
		before := heap()
		h := r.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(make([]byte, 64<<10)) }))
		most := bytesize.Size(0)
		for i := range 2000 {
			h.ServeHTTP(&null{make(http.Header)}, httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil))
			if i%200 == 199 {
				most = max(most, heap()-before)
			}
		}
		fmt.Fprintf(out, "%s\t%.1f MiB\t\t\t\t\n", r.name, float64(most)/float64(bytesize.MB))
		if r.name != "map and mutex" && most > 13*bytesize.MB {
			t.Errorf("the heap grew by %v", most)
		}
		runtime.KeepAlive(h)
	}
}

func heap() bytesize.Size {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return bytesize.Size(m.HeapAlloc)
}
