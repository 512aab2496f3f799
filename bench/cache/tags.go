package cache

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
	"github.com/apiece/apiece/middleware/cache"
)

const manyTags = 10_000

func tagNames() []string {
	names := make([]string, manyTags)
	for i := range names {
		names[i] = "post:" + strconv.Itoa(i)
	}
	return names
}

// tagged is a page that sets its tags, all at once or one by one, each time under another URL.
func tagged(tag func(*http.Request, []string)) func(*compare.Run) func() {
	return func(run *compare.Run) func() {
		names, pages, runs, asked := tagNames(), hour(), 0, 0
		h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			runs++
			tag(r, names)
			answer(w, r)
		}))
		ask := func(path string) int {
			h.ServeHTTP(null.NewWriter(), httptest.NewRequest(http.MethodGet, path, nil))
			return runs
		}
		run.Answer(func() string {
			first, again := ask("/"), ask("/")
			if err := pages.InvalidateTag(context.Background(), names[manyTags-1]); err != nil {
				panic(err)
			}
			return fmt.Sprintf("%d run, then %d, then %d", first, again, ask("/"))
		})
		return func() {
			asked++
			ask("/" + strconv.Itoa(asked))
		}
	}
}

// distinct is the minimum cost of deduplicating 10,000 tags.
func distinct(*compare.Run) func() {
	names := tagNames()
	return func() {
		set := make(map[string]struct{}, manyTags)
		for _, name := range names {
			set[name] = struct{}{}
		}
	}
}

// tags is the cost of a page with ten thousand tags.
var tags = compare.Comparison{
	Name: "Tags10000", Text: "a page with 10,000 tags is made and stored; the floor puts them into a map", Unit: "page", Want: "1 run, then 1, then 2",
	Contenders: []compare.Contender{
		{Name: "kit, at once", Role: compare.Kit, Start: tagged(func(r *http.Request, names []string) { cache.Tag(r.Context(), names...) })},
		{Name: "kit, one by one", Role: compare.Kit, Start: tagged(func(r *http.Request, names []string) {
			for _, name := range names {
				cache.Tag(r.Context(), name)
			}
		})},
		{Name: "a map", Role: compare.Floor, Start: distinct},
	},
}
