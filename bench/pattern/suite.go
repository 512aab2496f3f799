// Package pattern compares package pattern with routers.
package pattern

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
)

// A router builds a handler for a set of routes. Its handlers call ran.
type router struct {
	name   string
	class  string
	module string
	build  func(routes []route) http.Handler
}

const (
	std    = "http.Handler"          // handlers read parameters from the request
	native = "handlers of their own" // which is faster
)

var routers = []router{
	kitTable, kitHandler, kitNoValues,
	stdlibMux, httprouterNative, httprouterStd, chiMux, ginEngine, echoRouter,
	bunNative, bunStd, treemuxNative, treemuxStd, gorillaMux,
}

func isKit(r router) bool { return strings.HasPrefix(r.name, "kit ") }

// The record of the handlers: which one ran, and which parameter it read.
var lastPath, lastValue string

// ran is what every handler does that reads a parameter. One that reads nothing
// does nothing else, so that the routers are measured and not their handlers.
func ran(at, value string) { lastPath, lastValue = at, value }

func nothing(http.ResponseWriter, *http.Request) {}

// empty is the handler of all routers.
func empty(w workload) compare.Contender {
	return compare.Contender{Name: "empty handler", Role: compare.Floor, Start: func(*compare.Run) func() {
		return serve(http.HandlerFunc(nothing), w.asked)
	}}
}

// wholePaths is a map of the paths that are asked for. It knows no parameters,
// and does not look at the method: no router looks a path up faster.
func wholePaths(w workload) compare.Contender {
	return compare.Contender{Name: "map of whole paths", Role: compare.Floor, Start: func(*compare.Run) func() {
		paths := make(map[string]http.HandlerFunc)
		for _, r := range all(w.routes) {
			paths[r.path] = nothing
		}
		return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if h := paths[r.URL.Path]; h != nil {
				h(w, r)
			}
		}), w.asked)
	}}
}

// try builds a router; some refuse some sets of routes by a panic.
func try(r router, routes []route) (h http.Handler, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = errors.New(compare.Refusal(reason))
		}
	}()
	return r.build(routes), nil
}

// serve returns a function that asks for each of the paths once. One request is
// made into all of them in turn: a fresh one for each path, and not so many in
// memory that the routers are measured by what is left of the cache.
func serve(h http.Handler, asked []route) func() {
	templates := make([]*http.Request, len(asked))
	for i, a := range asked {
		templates[i] = null.NewRequest(a.method, a.path).Fresh(nil)
	}
	w, r := null.NewWriter(), new(http.Request)
	return func() {
		for _, template := range templates {
			*r = *template
			h.ServeHTTP(w, r)
		}
	}
}

// answers reports the matched routes and the parameters read.
func answers(r router, w workload) string {
	h := r.build(reading(w.routes))
	var said strings.Builder
	for _, a := range w.asked {
		lastPath, lastValue = "", ""
		h.ServeHTTP(null.NewWriter(), null.NewRequest(a.method, a.path).Fresh(nil))
		fmt.Fprintf(&said, "%s %q\n", lastPath, strings.TrimPrefix(lastValue, "/"))
	}
	return said.String()
}

func (w workload) want() string {
	var said strings.Builder
	for _, a := range w.asked {
		path, value := mostSpecific(w.routes, a.method, a.path)
		fmt.Fprintf(&said, "%s %q\n", path, value)
	}
	return said.String()
}

func (r router) contender(start func(*compare.Run) func()) compare.Contender {
	role := compare.Rival
	if isKit(r) {
		role = compare.Kit
	}
	return compare.Contender{Name: r.name, Role: role, Class: r.class, Module: r.module, Start: start}
}

func dispatches() (all []compare.Comparison) {
	for _, w := range workloads() {
		c := compare.Comparison{
			Name: w.name, Text: w.text, Unit: "request", Per: len(w.asked),
			Want: w.want(), Refused: w.refused, Subtract: "empty handler", Heavy: len(w.routes) > 1000,
			Contenders: []compare.Contender{empty(w)},
		}
		c.Growth, c.Size = w.growth, w.size
		if w.growth == "routes" {
			c.Contenders = append(c.Contenders, wholePaths(w))
		}
		for _, r := range routers {
			c.Contenders = append(c.Contenders, r.contender(func(run *compare.Run) func() {
				run.Answer(func() string { return answers(r, w) })
				return serve(r.build(w.routes), w.asked)
			}))
		}
		all = append(all, c)
	}
	return all
}

// builds are what it takes to make a router, and what it keeps. Routers with
// two kinds of handlers are built once.
func builds() (all []compare.Comparison) {
	builders := []router{
		kitTable, kitHandler, stdlibMux, httprouterNative, chiMux, ginEngine, echoRouter, bunNative, treemuxNative, gorillaMux,
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		w := workload{routes: scale(n)}
		w.asked = []route{{method: "GET", path: requests.write(w.routes[n-1].path)}}
		c := compare.Comparison{
			Name: fmt.Sprintf("Build%d", n), Text: fmt.Sprintf("a router for %d routes", n), Unit: "router",
			Want: w.want(), Growth: "build", Size: float64(n), Heavy: n > 1000,
		}
		c.Contenders = append(c.Contenders, compare.Contender{Name: "kit NewTable", Role: compare.Kit, Start: func(run *compare.Run) func() {
			run.Answer(func() string { return answers(kitTable, w) })
			return tableAlone(w.routes)
		}})
		for _, r := range builders {
			r.class = ""
			c.Contenders = append(c.Contenders, r.contender(func(run *compare.Run) func() {
				run.Answer(func() string { return answers(r, w) })
				before := inUse()
				h := r.build(w.routes)
				run.Metric("B/router", float64(inUse()-before))
				runtime.KeepAlive(h)
				return func() { r.build(w.routes) }
			}))
		}
		all = append(all, c)
	}
	return all
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Suite has the comparisons of package pattern.
func Suite() compare.Suite {
	return compare.Suite{
		Name: "routing",
		Text: "A request goes through the router to a handler that does nothing, or reads one parameter where the name says so. " +
			"The time of a call of an empty handler is subtracted from all. `kit table` is compared with routers whose handlers have a type of their own, " +
			"`kit handler` with those whose handlers are `http.Handler`s; `kit no values` is the latter without `r.PathValue`. " +
			"Every router is first asked for all the paths: the right handler has to run, and to read the right value.",
		Comparisons: append(dispatches(), builds()...),
		Findings: []compare.Finding{{
			Name: "Precedence",
			Text: "Random small tables, and ten random paths for each: of the routes that match, is the one taken that is most specific from left to right? " +
				"Some routers answer otherwise by design.",
			Find: precedence,
		}},
	}
}
