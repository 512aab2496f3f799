package pattern_test

import (
	"fmt"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPrecedence asks every router the same questions: of the routes that
// match a path, is the one chosen that is most specific from left to right,
// static text before a parameter before a catch-all? It reports what the
// rivals do, which is by design for some of them; the kit must be right.
func TestPrecedence(t *testing.T) {
	tables := 150
	if *report {
		tables = 3000
	}
	for _, catchAll := range []bool{false, true} {
		type score struct {
			refused, wrong, asked int
			example               string
		}
		scores := make([]score, len(routers))
		rng := rand.New(rand.NewSource(7))
		for range tables {
			routes := randomRoutes(rng, catchAll)
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
				h, err := try(router, workload{routes: routes, read: "p0"})
				if err != nil {
					s.refused++
					continue
				}
				for _, path := range paths {
					s.asked++
					want := mostSpecific(routes, path)
					if got := dispatch(h, path); got != want {
						s.wrong++
						s.example = fmt.Sprintf("%v: %s served by %q, not %q", routes, path, got, want)
					}
				}
			}
		}
		for i, router := range routers {
			s := scores[i]
			t.Logf("catch-alls %-5t %-16s refuses %4d of %d tables, wrong %5d of %d", catchAll, router.name, s.refused, tables, s.wrong, s.asked)
			if isKit(router) && (s.refused > 0 || s.wrong > 0) {
				t.Errorf("%s: %s", router.name, s.example)
			}
		}
	}
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
			routes = append(routes, route{"GET", path})
		}
	}
	return routes
}

func dispatch(h http.Handler, path string) string {
	defer func() {
		if recover() != nil {
			last = "a panic"
		}
	}()
	last = ""
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	return last
}

// mostSpecific compares the matching routes segment by segment.
func mostSpecific(routes []route, path string) (best string) {
	var bestRank string
	for _, r := range routes {
		if !fits(r.path, path) {
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
			best, bestRank = r.path, rank
		}
	}
	return best
}
