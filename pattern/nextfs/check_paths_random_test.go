package nextfs_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

// TestCheckMisroutesOfAllPaths compares the report of Check with the result for every path of
// up to five segments, for random projects and services.
func TestCheckMisroutesOfAllPaths(t *testing.T) {
	paths := []string{"/"}
	for n := 1; n <= 5; n++ {
		for i := range 1 << (2 * n) { // of four texts each
			path := ""
			for range n {
				path += "/" + []string{"a", "b", "y", "z"}[i%4]
				i /= 4
			}
			paths = append(paths, path)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() string {
		var b strings.Builder
		for depth := range 1 + rng.IntN(3) {
			switch rng.IntN(8) {
			case 0, 1, 2:
				b.WriteString("/a")
			case 3:
				b.WriteString("/b")
			case 4, 5:
				fmt.Fprintf(&b, "/[p%d]", depth)
			case 6:
				return b.String() + "/[...r]"
			case 7:
				return b.String() + "/[[...r]]"
			}
		}
		return b.String()
	}
	handler := http.NotFoundHandler()
	compared, broken := 0, 0
	for range 1500 {
		files, routes := map[string]string{}, map[string]http.Handler{}
		project := fstest.MapFS{}
		for range 2 + rng.IntN(4) {
			route := random()
			files[route] = route
			project["app"+route+"/route.ts"] = &fstest.MapFile{Data: []byte("export const GET = 1")}
			if rng.IntN(2) == 0 {
				routes[route] = handler
			}
		}
		if rng.IntN(3) == 0 {
			routes[random()] = handler // with another name, or of no file
		}
		table, err := pattern.NewTable(files)
		h, herr := pattern.NewHandler(routes, pattern.HandlerConfig{NotFound: nextfs.Old(handler)})
		if err != nil || herr != nil {
			continue
		}
		var want []string
		for _, path := range paths {
			m, err := table.Match(path)
			if err != nil || routes[m.Value] != nil {
				continue
			}
			if _, route := h.Handler(&http.Request{URL: &url.URL{Path: path}}); route != "" {
				want = append(want, m.Value+" "+route)
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)

		var log fakeT
		nextfs.Check(&log, project, h)
		var got []string
		for line := range strings.SplitSeq(lines(t, log.breaks), "; ") {
			if route, rest, ok := strings.Cut(line, " is answered by the handler of "); ok {
				by, _, _ := strings.Cut(strings.SplitN(rest, ": ", 2)[0], " at ")
				got = append(got, route+" "+by)
			}
		}
		slices.Sort(got)
		compared++
		broken += len(want)
		if !slices.Equal(got, want) {
			t.Fatalf("files %v, handlers %v:\n got %q\nwant %q", files, routes, got, want)
		}
	}
	if compared < 500 || broken < 250 {
		t.Errorf("%d compared, %d broken: hardly a test", compared, broken)
	}
}
