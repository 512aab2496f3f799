package shadow

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// A Reason says why a request was not compared.
type Reason string

// The reasons.
const (
	Busy            Reason = "busy"              // Config.Concurrency comparisons were already running
	Conditional     Reason = "conditional"       // the request has a condition or a Range
	Upgrade         Reason = "upgrade"           // the connection switched protocols, or was hijacked
	RequestTooLarge Reason = "request too large" // its body exceeds Config.BodyLimit
	BodyNotRead     Reason = "body not read"     // the handler left part of the request's body unread
	Streamed        Reason = "streamed"          // the response is an event stream
	Unfinished      Reason = "unfinished"        // the client has not received the whole response
	Encoded         Reason = "encoded"           // the response has a Content-Encoding
)

// Counts are numbers of requests since New. Requests that Config.Methods or
// Config.Sample exclude are not counted.
type Counts struct {
	Compared int64 // both handlers responded
	Differ   int64 // compared, with a difference
	Failed   int64 // no response from the shadow; see Difference.Err
	Skipped  int64 // not compared
}

// Stats are the counts of all requests, and of each route.
type Stats struct {
	Counts

	// Routes are the counts of each route, sorted. Routes beyond the first 1000 share
	// the entry "...".
	Routes []RouteStats

	// Reasons says why requests were skipped.
	Reasons map[Reason]int64
}

// RouteStats are the counts of a route.
type RouteStats struct {
	// Route is the r.Pattern of its requests, "(no pattern)" if that is empty.
	Route string
	Counts
}

// maxRoutes bounds the routes with counts of their own.
const maxRoutes = 1000

// maxRecords bounds the records that the Logger gets for a route.
const maxRecords = 10

type counters struct {
	mu      sync.Mutex
	routes  map[string]*RouteStats
	reasons map[Reason]int64
	records map[string]int
}

// route returns the counters of a route. The caller holds the lock.
func (c *counters) route(pattern string) *RouteStats {
	if c.routes == nil {
		c.routes, c.reasons, c.records = map[string]*RouteStats{}, map[Reason]int64{}, map[string]int{}
	}
	if pattern == "" {
		pattern = "(no pattern)"
	}
	if c.routes[pattern] == nil && len(c.routes) >= maxRoutes {
		pattern = "..."
	}
	if c.routes[pattern] == nil {
		c.routes[pattern] = &RouteStats{Route: pattern}
	}
	return c.routes[pattern]
}

func (c *counters) skip(r *http.Request, why Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.route(r.Pattern).Skipped++
	c.reasons[why]++
}

func (c *counters) compared(pattern string, d Difference) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.route(pattern)
	switch {
	case d.Err != nil:
		s.Failed++
	case len(d.Values) > 0:
		s.Differ++
		s.Compared++
	default:
		s.Compared++
	}
}

// shouldLog reports whether to log another difference of a route.
func (c *counters) shouldLog(pattern string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := c.route(pattern).Route
	c.records[name]++
	return c.records[name] <= maxRecords
}

// Stats returns the counts so far.
func (s *Shadow) Stats() Stats {
	c := &s.stats
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Stats{Reasons: maps.Clone(c.reasons)}
	for _, r := range c.routes {
		out.Routes = append(out.Routes, *r)
		out.Compared += r.Compared
		out.Differ += r.Differ
		out.Failed += r.Failed
		out.Skipped += r.Skipped
	}
	slices.SortFunc(out.Routes, func(a, b RouteStats) int { return cmp.Compare(a.Route, b.Route) })
	return out
}

// String returns a summary: "4,812 compared, 0 differ, 0 failed, 3 skipped", and a
// line for each route.
func (s Stats) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s compared, %s differ, %s failed, %s skipped", grouped(s.Compared), grouped(s.Differ), grouped(s.Failed), grouped(s.Skipped))
	for i, why := range slices.Sorted(maps.Keys(s.Reasons)) {
		fmt.Fprintf(&b, "%s%s %s", map[bool]string{true: " (", false: ", "}[i == 0], grouped(s.Reasons[why]), why)
	}
	if len(s.Reasons) > 0 {
		b.WriteByte(')')
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, r := range s.Routes {
		fmt.Fprintf(w, "%s compared\t%s differ\t%s failed\t%s skipped\t  %s\n", grouped(r.Compared), grouped(r.Differ), grouped(r.Failed), grouped(r.Skipped), r.Route)
	}
	w.Flush()
	return b.String()
}

// grouped formats a count with its digits in groups of three.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
