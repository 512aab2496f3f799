package pattern_test

import (
	"embed"
	"fmt"
	"strings"
)

// The lists of routes are those of go-http-routing-benchmark, which everybody
// measures, in the syntax of Next.js.
//
//go:embed testdata/*.txt
var lists embed.FS

type route struct{ method, path string }

func load(name string) (routes []route) {
	text, err := lists.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(text)) {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		routes = append(routes, route{method, path})
	}
	return routes
}

func get(path string) []route { return []route{{"GET", path}} }

// scale returns n routes of a service that grew.
func scale(n int) []route {
	var routes []route
	for i := 0; len(routes) < n; i++ {
		base := fmt.Sprintf("/api/v1/tenants/[tenant]/service-%d", i)
		for _, tail := range []string{"", "/items", "/items/[id]", "/items/[id]/history", "/settings"} {
			if len(routes) < n {
				routes = append(routes, route{"GET", base + tail})
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
		routes = append(routes, route{"GET", path + "/end"})
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

// A workload is a set of routes and what is asked of it. The handlers read
// the parameter named read, or nothing.
type workload struct {
	name   string
	routes []route
	asked  []route
	read   string
	miss   bool // nothing matches
}

func all(routes []route) (asked []route) {
	for _, r := range routes {
		asked = append(asked, route{r.method, requests.write(r.path)})
	}
	return asked
}

func workloads() []workload {
	github, static, parse, google := load("github"), load("static"), load("parse"), load("gplus")
	w := []workload{
		{name: "Static1", routes: github, asked: get("/user/repos")},
		{name: "Param1", routes: get("/user/[name]"), asked: get("/user/gordon")},
		{name: "Param1Read", routes: get("/user/[name]"), asked: get("/user/gordon"), read: "name"},
		{name: "Param5", routes: get("/[a]/[b]/[c]/[d]/[e]"), asked: get("/test/test/test/test/test")},
		{name: "Param5ReadLast", routes: get("/[a]/[b]/[c]/[d]/[e]"), asked: get("/test/test/test/test/test"), read: "e"},
		{name: "CatchAll", routes: append(get("/src/[...path]"), get("/health")...), asked: get("/src/some/file/three/levels.png")},
		{name: "StaticAll", routes: static, asked: all(static)},
		{name: "GithubParam2", routes: github, asked: get("/repos/julienschmidt/httprouter/stargazers")},
		{name: "GithubAll", routes: github, asked: all(github)},
		{name: "GoogleAll", routes: google, asked: all(google)},
		{name: "ParseAll", routes: parse, asked: all(parse)},
		{name: "Miss", routes: github, asked: get("/repos/julienschmidt/httprouter/nothing-here"), miss: true},
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		routes := scale(n)
		var asked []route
		for i := range 64 {
			asked = append(asked, routes[i*7919%n])
		}
		w = append(w, workload{name: fmt.Sprintf("Scale%d", n), routes: routes, asked: all(asked)})
	}
	const depth = 8
	adversarial := backtrack(depth)
	return append(w,
		workload{name: "AdversarialHit", routes: adversarial, asked: get(strings.Repeat("/a", depth) + "/end")},
		workload{name: "AdversarialMiss", routes: adversarial, asked: get(strings.Repeat("/a", depth) + "/zz"), miss: true},
	)
}
