package torture_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

var (
	only = flag.String("case", "", "carry out only the cases whose class or reason contains this")
	long = flag.Bool("long", false, "go through the list once more, with little memory")
)

// classes are the targets and kinds of attacks.
func classes() []class {
	return []class{
		{"limits", limitCases()},
		{"bodies that are not whole", brokenBodyCases()},
		{"content types", contentTypeCases()},
		{"compression", compressionCases()},
		{"json", jsonCases()},
		{"forms", formCases()},
		{"multipart", multipartCases()},
		{"cookies", cookieCases()},
		{"header injection", injectionCases()},
		{"redirects", redirectCases()},
		{"decoding", decodingCases()},
		{"route cost", routeCases()},
		{"internal headers", headerCases()},
		{"cache", cacheCases()},
		{"encoding", encodeCases()},
		{"response limit", guardCases()},
		{"time limit", timeoutCases()},
		{"panics", panicCases()},
		{"streams", streamCases()},
		{"framing", framingCases()},
		{"frames of HTTP/2", frameCases()},
		{"methods", methodCases()},
		{"shutdown", shutdownCases()},
	}
}

type class struct {
	name  string
	cases []hostileCase
}

type pass struct {
	name        string
	protocol    int
	environment []string
}

// passes are the ways to go through the list.
func passes() []pass {
	all := []pass{{"HTTP/1.1", 1, nil}, {"HTTP/2", 2, nil}}
	if *long {
		all = append(all, pass{"64 MiB", 1, []string{"GOMEMLIMIT=64MiB"}})
	}
	return all
}

// TestHostile carries out every case in every pass. Several services run concurrently,
// since a case often waits while net/http lingers on a connection that it closes early;
// but no service has more than one case at a time.
func TestHostile(t *testing.T) {
	atOnce := 8
	if testkit.Race {
		atOnce = 4
	}
	all, passes := classes(), passes()
	results := make([]map[string]*tally, len(passes))
	t.Cleanup(func() { t.Log(summary(all, passes, results)) }) // after the passes, which run concurrently
	for i, pass := range passes {
		results[i] = make(map[string]*tally)
		for _, class := range all {
			results[i][class.name] = &tally{}
		}
		type job struct {
			class string
			*hostileCase
		}
		var jobs []job
		for _, class := range all {
			for j := range class.cases {
				c := &class.cases[j]
				if !c.goes(pass.protocol) {
					continue
				}
				if strings.Contains(class.name, *only) || strings.Contains(c.why, *only) {
					jobs = append(jobs, job{class.name, c})
				}
			}
		}
		t.Run(pass.name, func(t *testing.T) {
			t.Parallel()
			queue := make(chan job, len(jobs))
			for _, j := range slices.Backward(jobs) { // those that wait come last
				queue <- j
			}
			close(queue)
			var wg sync.WaitGroup
			for range min(atOnce, len(jobs)) {
				p := start(t, "kit", pass.environment...)
				wg.Go(func() {
					for j := range queue {
						found, m := j.carryOut(p, pass.protocol)
						for _, f := range found {
							t.Errorf("%s: %s: %s: %s", j.class, j.why, f.kind, f.text)
						}
						results[i][j.class].add(m, len(found) == 0)
						if len(found) > 0 && found[len(found)-1].kind == dead {
							t.Errorf("nothing more can be asked of this service")
							return
						}
					}
					if p.log.raced() {
						t.Errorf("the race detector has spoken:\n%s", p.log.said())
					}
				})
			}
			wg.Wait()
		})
	}
}

// A tally is the outcome of a class in one pass.
type tally struct {
	mu          sync.Mutex
	cases, fine int
	worst       measure       // the closest to its bound
	slow        time.Duration // until all resources were free
}

func (t *tally) add(m measure, fine bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cases++
	if fine {
		t.fine++
	}
	t.worst = nearer(t.worst, m)
	t.slow = max(t.slow, m.back)
}

// summary is the table of cases carried out and passed, with the case of each class
// that came closest to the memory bound, and the one after which it took longest until
// all resources were free.
func summary(all []class, passes []pass, results []map[string]*tally) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "class\tcases\t")
	for _, pass := range passes {
		fmt.Fprintf(w, "%s\t", pass.name)
	}
	fmt.Fprint(w, "memory, MB\tof\tback, ms\t\n")
	cases, sums := 0, make([]tally, len(passes))
	for _, class := range all {
		fmt.Fprintf(w, "%s\t%d\t", class.name, len(class.cases))
		cases += len(class.cases)
		var worst measure
		var slow time.Duration
		for i := range passes {
			r := results[i][class.name]
			fmt.Fprintf(w, "%d/%d\t", r.fine, r.cases)
			sums[i].cases += r.cases
			sums[i].fine += r.fine
			worst = nearer(worst, r.worst)
			slow = max(slow, r.slow)
		}
		fmt.Fprintf(w, "%.1f\t%.0f\t%d\t\n", mega(worst.growth), mega(worst.bound), slow.Milliseconds())
	}
	fmt.Fprintf(w, "all\t%d\t", cases)
	for i := range passes {
		fmt.Fprintf(w, "%d/%d\t", sums[i].fine, sums[i].cases)
	}
	fmt.Fprint(w, "\t\t\t\n")
	w.Flush()
	return "hostile cases that passed:\n" + b.String()
}

// nearer returns the measure that is closer to its bound.
func nearer(a, b measure) measure {
	if a.bound == 0 || float64(b.growth)*float64(a.bound) > float64(a.growth)*float64(b.bound) {
		return b
	}
	return a
}
