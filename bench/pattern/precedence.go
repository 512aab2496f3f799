package pattern

import (
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
)

// precedence tests whether each router chooses the most specific matching route from
// left to right: static text before a parameter before a catch-all.
func precedence(short bool) (compare.Table, error) {
	table := compare.Table{Columns: []string{"router", "refused tables", "wrong answers", "refused, with catch-alls", "wrong, with catch-alls"}}
	tables := 1000
	if short {
		tables = 100
	}
	rows := make([][]any, len(routers))
	var wrong error
	for _, catchAll := range []bool{false, true} {
		type score struct{ refused, wrong, asked int }
		scores := make([]score, len(routers))
		rng := rand.New(rand.NewSource(7))
		for range tables {
			routes := reading(randomRoutes(rng, catchAll))
			var paths []string
			for range 10 {
				path := ""
				for range 1 + rng.Intn(4) {
					path += "/" + names[rng.Intn(len(names))]
				}
				paths = append(paths, path)
			}
			for i, router := range routers {
				s := &scores[i]
				h, err := try(router, routes)
				if err != nil {
					s.refused++
					continue
				}
				for _, path := range paths {
					s.asked++
					want, _ := mostSpecific(routes, "GET", path)
					if got := dispatch(h, path); got != want {
						s.wrong++
						if isKit(router) {
							wrong = fmt.Errorf("%s: %v: %s served by %q, not %q", router.name, routes, path, got, want)
						}
					}
				}
			}
		}
		for i, router := range routers {
			s := scores[i]
			rows[i] = append(rows[i], fmt.Sprintf("%d of %d", s.refused, tables), fmt.Sprintf("%d of %d", s.wrong, s.asked))
			if isKit(router) && s.refused > 0 {
				wrong = fmt.Errorf("%s refuses %d tables", router.name, s.refused)
			}
		}
	}
	for i, router := range routers {
		table.Row(append([]any{router.name}, rows[i]...)...)
	}
	return table, wrong
}

var names = []string{"a", "b", "ab", "abc"}

func randomRoutes(rng *rand.Rand, catchAll bool) (routes []route) {
	seen := map[string]bool{}
	for range 2 + rng.Intn(7) {
		path := ""
		for depth := range 1 + rng.Intn(4) {
			if rng.Intn(10) < 5 {
				path += "/" + names[rng.Intn(len(names))]
			} else {
				path += fmt.Sprintf("/[p%d]", depth)
			}
		}
		if catchAll && rng.Intn(5) == 0 {
			path += "/[...r]"
		}
		if !seen[path] {
			seen[path] = true
			routes = append(routes, route{method: "GET", path: path})
		}
	}
	return routes
}

func dispatch(h http.Handler, path string) string {
	defer func() {
		if recover() != nil {
			lastPath = "a panic"
		}
	}()
	lastPath = ""
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	return lastPath
}

// mostSpecific compares the matching routes segment by segment. It returns the
// best one, and the value of its last parameter.
func mostSpecific(routes []route, method, path string) (best, value string) {
	var bestRank string
	for _, r := range routes {
		v, ok := fits(r.path, path)
		if !ok || r.method != method {
			continue
		}
		rank := ""
		for _, seg := range strings.Split(r.path, "/")[1:] {
			switch {
			case strings.HasPrefix(seg, "[..."):
				rank += "3"
			case strings.HasPrefix(seg, "["):
				rank += "2"
			default:
				rank += "1"
			}
		}
		if best == "" || rank < bestRank {
			best, value, bestRank = r.path, v, rank
		}
	}
	return best, value
}

// fits returns the value of the last parameter too.
func fits(pattern, path string) (value string, ok bool) {
	for {
		p, restP, moreP := strings.Cut(pattern, "/")
		s, restS, moreS := strings.Cut(path, "/")
		switch {
		case strings.HasPrefix(p, "[..."):
			return path, true
		case strings.HasPrefix(p, "["):
			value = s
		case p != s:
			return "", false
		}
		if !moreP || !moreS {
			return value, moreP == moreS
		}
		pattern, path = restP, restS
	}
}
