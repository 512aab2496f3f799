package pattern

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// The lists of routes are those of go-http-routing-benchmark, the common benchmark of
// routers, in the syntax of Next.js.
//
//go:embed testdata/*.txt
var lists embed.FS

// A route is a pattern in the syntax of Next.js. Its handler reads the
// parameter named read, or does nothing at all.
type route struct{ method, path, read string }

// star returns the name of the parameter for routers whose catch-alls have none.
func (r route) star() string {
	if strings.Contains(r.path, "[..."+r.read+"]") {
		return "*"
	}
	return r.read
}

// reading returns routes whose handlers read the last parameter, or look for
// one in vain.
func reading(routes []route) []route {
	routes = slices.Clone(routes)
	for i, r := range routes {
		routes[i].read = "none"
		if at := strings.LastIndex(r.path, "["); at >= 0 {
			routes[i].read = strings.Trim(r.path[at:], "[.]/")
			routes[i].read, _, _ = strings.Cut(routes[i].read, "]")
		}
	}
	return routes
}

func load(name string) (routes []route) {
	text, err := lists.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(text)) {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		routes = append(routes, route{method: method, path: path})
	}
	return routes
}

func get(path string) []route { return []route{{method: "GET", path: path}} }

// parameters returns a route with n parameters.
func parameters(n int) []route {
	var path strings.Builder
	for i := range n {
		fmt.Fprintf(&path, "/[p%d]", i+1)
	}
	return get(path.String())
}

// scale returns n routes of a service that grew.
func scale(n int) []route {
	var routes []route
	for i := 0; len(routes) < n; i++ {
		base := fmt.Sprintf("/api/v1/tenants/[tenant]/service-%d", i)
		for _, tail := range []string{"", "/items", "/items/[id]", "/items/[id]/history", "/settings"} {
			if len(routes) < n {
				routes = append(routes, route{method: "GET", path: base + tail})
			}
		}
	}
	return routes
}

// backtrack returns 2^depth routes with every combination of a static and a
// dynamic segment at every level.
func backtrack(depth int) (routes []route) {
	for m := range 1 << depth {
		path := ""
		for i := range depth {
			if m>>i&1 == 0 {
				path += "/a"
			} else {
				path += fmt.Sprintf("/[p%d]", i)
			}
		}
		routes = append(routes, route{method: "GET", path: path + "/end"})
	}
	return routes
}

// A syntax is how a router writes parameters.
type syntax struct{ single, catchAll string }

var (
	colonStar = syntax{":%s", "*%s"}
	colonAnon = syntax{":%s", "*"}
	braces    = syntax{"{%s}", "{%s...}"}
	requests  = syntax{":%s", "%s/a/b"} // what the lists are asked for
)

func (s syntax) write(pattern string) string {
	segs := strings.Split(pattern, "/")
	for i, seg := range segs {
		name, dynamic := strings.CutPrefix(seg, "[")
		if !dynamic {
			continue
		}
		form := s.single
		if name, dynamic = strings.CutPrefix(name, "..."); dynamic {
			form = s.catchAll
		}
		segs[i] = strings.ReplaceAll(form, "%s", strings.TrimSuffix(name, "]"))
	}
	return strings.Join(segs, "/")
}

// A workload is a set of routes and what is asked of it.
type workload struct {
	name, text string
	routes     []route
	asked      []route
	refused    []string // by whom
	growth     string   // of those that grow
	size       float64
}

func all(routes []route) (asked []route) {
	for _, r := range routes {
		asked = append(asked, route{method: r.method, path: requests.write(r.path)})
	}
	return asked
}

func workloads() []workload {
	github, static, parse, google := load("github"), load("static"), load("parse"), load("gplus")
	param1, param5 := get("/user/[name]"), get("/[a]/[b]/[c]/[d]/[e]")
	w := []workload{
		{name: "Static1", text: "one static path of the GitHub API, 203 routes", routes: github, asked: get("/user/repos")},
		{name: "Param1", text: "one route with one parameter", routes: param1, asked: get("/user/gordon")},
		{name: "Param1Read", text: "the same, and the handler reads it", routes: reading(param1), asked: get("/user/gordon")},
		{name: "Param5", text: "one route with five parameters", routes: param5, asked: get("/test/test/test/test/test")},
		{name: "Param5Read", text: "the same, and the handler reads the last", routes: reading(param5), asked: get("/test/test/test/test/test")},
		{name: "CatchAll", text: "a route with a catch-all, beside a static one", routes: append(get("/src/[...path]"), get("/health")...), asked: get("/src/some/file/three/levels.png")},
		{name: "StaticAll", text: "each of 157 static paths", routes: static, asked: all(static)},
		{name: "GithubParam2", text: "one path of the GitHub API with two parameters", routes: github, asked: get("/repos/julienschmidt/httprouter/stargazers")},
		{name: "GithubAll", text: "each of the 203 routes of the GitHub API", routes: github, asked: all(github)},
		{name: "GoogleAll", text: "each of the 13 routes of the Google+ API", routes: google, asked: all(google)},
		{name: "ParseAll", text: "each of the 26 routes of the Parse API", routes: parse, asked: all(parse)},
		{name: "Miss", text: "a path that none of the routes of the GitHub API matches", routes: github, asked: get("/repos/julienschmidt/httprouter/nothing-here")},
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		routes := scale(n)
		var asked []route
		for i := range 64 {
			asked = append(asked, routes[i*7919%n])
		}
		w = append(w, workload{name: fmt.Sprintf("Scale%d", n), text: fmt.Sprintf("64 paths of a service with %d routes", n), routes: routes, asked: all(asked), growth: "routes", size: float64(n)})
	}
	for _, n := range []int{1, 2, 4, 8, 16} {
		params := reading(parameters(n))
		w = append(w, workload{name: fmt.Sprintf("Params%d", n), text: fmt.Sprintf("one route with %d parameters, of which the handler reads the last", n), routes: params, asked: all(params), growth: "parameters", size: float64(n)})
	}
	const depth = 8
	adversarial := backtrack(depth)
	refused := []string{stdlibMux.name, httprouterNative.name, httprouterStd.name}
	return append(w,
		workload{name: "AdversarialHit", text: "256 routes, a static and a dynamic segment possible at each of 8 levels", routes: adversarial, asked: get(strings.Repeat("/a", depth) + "/end"), refused: refused},
		workload{name: "AdversarialMiss", text: "the same, for a path that fits none at its very end", routes: adversarial, asked: get(strings.Repeat("/a", depth) + "/zz"), refused: refused},
	)
}
