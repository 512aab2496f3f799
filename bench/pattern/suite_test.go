package pattern_test

import (
	"cmp"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A router builds a handler for a set of routes. Its handlers call ran.
type router struct {
	name string
	// std marks routers whose handlers are http.Handlers that read parameters
	// from the request. The others have a handler type of their own, which is
	// faster; the two are compared among themselves.
	std   bool
	build func(routes []route, read string) http.Handler
}

var routers = []router{
	kitTable, kitHandler, kitNoValues,
	stdlibMux, httprouterNative, httprouterStd, chiMux, ginEngine, echoRouter,
	bunNative, bunStd, treemuxNative, treemuxStd, gorillaMux,
}

func isKit(r router) bool { return strings.HasPrefix(r.name, "kit ") }

// What the handlers leave behind: which one ran, and that it has read.
var (
	last string
	sink int
)

// ran is what every handler does. A handler that reads nothing does nothing
// else, so that the routers are measured and not their handlers.
func ran(at, value string) {
	last = at
	sink += 1 + len(value)
}

func nothing(http.ResponseWriter, *http.Request) {}

var baseline = router{"empty handler", true, func([]route, string) http.Handler { return http.HandlerFunc(nothing) }}

// discard is a ResponseWriter.
type discard struct{ h http.Header }

func (d *discard) Header() http.Header               { return d.h }
func (d *discard) Write(p []byte) (int, error)       { return len(p), nil }
func (d *discard) WriteString(s string) (int, error) { return len(s), nil }
func (d *discard) WriteHeader(int)                   {}

// try builds a router; some refuse some sets of routes by a panic.
func try(r router, w workload) (h http.Handler, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v", reason)
		}
	}()
	return r.build(w.routes, w.read), nil
}

func templates(w workload) (rs []*http.Request) {
	for _, a := range w.asked {
		rs = append(rs, &http.Request{
			Method: a.method, URL: &url.URL{Path: a.path}, RequestURI: a.path, Host: "example.com",
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		})
	}
	return rs
}

// serve sends every request of the workload once. Each is a fresh copy, since
// routers leave on a request what they would have to make again for the next.
func serve(h http.Handler, rs []*http.Request, w http.ResponseWriter, r *http.Request) {
	for _, template := range rs {
		*r = *template
		h.ServeHTTP(w, r)
	}
}

// TestHits proves that every router that takes part in a workload dispatches
// all of its requests to the right handlers.
func TestHits(t *testing.T) {
	for _, w := range workloads() {
		if tooLarge(w) {
			continue
		}
		w.read = cmp.Or(w.read, "any")
		for _, router := range routers {
			h, err := try(router, w)
			if err != nil {
				if isKit(router) {
					t.Errorf("%s %s: %v", w.name, router.name, err)
				}
				continue // the report says so
			}
			for i, template := range templates(w) {
				last = ""
				r := *template
				h.ServeHTTP(&discard{http.Header{}}, &r)
				want := ""
				if !w.miss {
					want = pathOf(w, i)
				}
				if last != want {
					t.Errorf("%s %s: %s %s was served by %q, want %q", w.name, router.name, r.Method, r.URL.Path, last, want)
				}
			}
		}
	}
}

// pathOf returns the route that the i-th request is for.
func pathOf(w workload, i int) string {
	asked := w.asked[i]
	for _, r := range w.routes {
		if r.method == asked.method && requests.write(r.path) == asked.path {
			return r.path
		}
	}
	for _, r := range w.routes { // a request that is no literal pattern
		if r.method == asked.method && fits(r.path, asked.path) {
			return r.path
		}
	}
	return ""
}

func fits(pattern, path string) bool {
	ps, ss := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, p := range ps {
		switch {
		case strings.HasPrefix(p, "[..."):
			return i < len(ss)
		case i >= len(ss) || p != ss[i] && !strings.HasPrefix(p, "["):
			return false
		}
	}
	return len(ps) == len(ss)
}

func BenchmarkRouters(b *testing.B) {
	for _, w := range workloads() {
		rs := templates(w)
		for _, router := range append([]router{baseline}, routers...) {
			h, err := try(router, w)
			if err != nil {
				continue
			}
			b.Run(w.name+"/"+strings.ReplaceAll(router.name, " ", "-"), func(b *testing.B) {
				b.ReportAllocs()
				rw, r := &discard{http.Header{}}, new(http.Request)
				for b.Loop() {
					serve(h, rs, rw, r)
				}
			})
		}
	}
}

var (
	report  = flag.Bool("report", false, "measure, and print the table of ratios")
	only    = flag.String("only", "", "measure workloads whose name contains this")
	rounds  = flag.Int("rounds", 41, "rounds per workload")
	perTurn = flag.Duration("turn", time.Millisecond, "time of a router in a round")
)

// TestReport prints what one run measures. The routers take turns, so that
// what else the machine does falls on all of them, and the lower quartile of
// the rounds counts: other work only ever adds to a time, but the fastest
// round may be one without a collection of the garbage that a router makes.
// The cost of an empty handler is subtracted. Without -report it runs one
// short round, to see that it works.
func TestReport(t *testing.T) {
	rounds, turn := *rounds, *perTurn
	if !*report {
		rounds, turn = 1, 10*time.Microsecond
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	if !*report {
		out = tabwriter.NewWriter(new(strings.Builder), 0, 0, 1, ' ', 0)
	}
	defer out.Flush()
	for _, w := range workloads() {
		if !strings.Contains(w.name, *only) || tooLarge(w) {
			continue
		}
		results := measure(w, rounds, turn)
		fmt.Fprintf(out, "\n%s\t%d routes\t%d requests\t\t\t\n", w.name, len(w.routes), len(w.asked))
		fmt.Fprintf(out, "\tns\tallocs\tx fastest native\tx fastest std\t\n")
		native, std := fastest(results, false), fastest(results, true)
		for _, r := range results {
			if r.err != nil {
				fmt.Fprintf(out, "%s\trefuses the routes\t\t\t\t\n", r.name)
				continue
			}
			fmt.Fprintf(out, "%s\t%.1f\t%d\t%.2f\t%.2f\t\n", r.name, r.ns, r.allocs, r.ns/native, r.ns/std)
		}
	}
}

// tooLarge keeps a workload out of a run without -report: some routers need
// seconds for it.
func tooLarge(w workload) bool { return !*report && len(w.routes) > 1000 }

type result struct {
	router
	ns     float64
	allocs uint64
	err    error
}

// measure returns what the routers need for all requests of a workload.
func measure(w workload, rounds int, turn time.Duration) (results []result) {
	rs := templates(w)
	rw, r := &discard{http.Header{}}, new(http.Request)
	type contender struct {
		h     http.Handler
		loops int
		times []float64
	}
	var contenders []*contender
	for _, router := range append([]router{baseline}, routers...) {
		h, err := try(router, w)
		c := &contender{h: h, loops: 1}
		if err == nil {
			serve(h, rs, rw, r)
			for start := time.Now(); time.Since(start) < turn; c.loops++ {
				serve(h, rs, rw, r)
			}
		}
		contenders = append(contenders, c)
		results = append(results, result{router: router, err: err})
	}
	for range rounds {
		for i, c := range contenders {
			if results[i].err != nil {
				continue
			}
			start := time.Now()
			for range c.loops {
				serve(c.h, rs, rw, r)
			}
			c.times = append(c.times, float64(time.Since(start).Nanoseconds())/float64(c.loops))
		}
	}
	for i, c := range contenders {
		if results[i].err != nil {
			continue
		}
		slices.Sort(c.times)
		results[i].ns = c.times[len(c.times)/4]
		results[i].allocs = uint64(testing.AllocsPerRun(10, func() { serve(c.h, rs, rw, r) }))
	}
	empty := results[0].ns
	for i := range results {
		results[i].ns -= empty
	}
	return results[1:]
}

// fastest returns the time of the fastest rival.
func fastest(results []result, std bool) float64 {
	best := 0.0
	for _, r := range results {
		if r.err == nil && !isKit(r.router) && r.std == std && (best == 0 || r.ns < best) {
			best = r.ns
		}
	}
	return best
}

// TestBuildCost prints how long the routers take for their routes, and what
// they keep.
func TestBuildCost(t *testing.T) {
	for _, w := range []workload{{name: "github", routes: load("github")}, {name: "scale 1000", routes: scale(1000)}, {name: "scale 10000", routes: scale(10000)}} {
		for _, router := range routers {
			if tooLarge(w) {
				continue
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			best := time.Duration(0)
			var h http.Handler
			for range 3 {
				runtime.GC()
				start := time.Now()
				h, _ = try(router, w)
				if d := time.Since(start); best == 0 || d < best {
					best = d
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			t.Logf("%-12s %-18s %10v %8d KiB", w.name, router.name, best.Round(time.Microsecond), (int64(after.HeapAlloc)-int64(before.HeapAlloc))/1024)
			runtime.KeepAlive(h)
		}
	}
}
