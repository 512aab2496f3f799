package pattern

import (
	"cmp"
	"slices"
)

// Sort returns the patterns in the order of precedence of Next.js, in their
// normal form and without duplicates. Precedence is decided segment by segment
// from the left: the end of the pattern, then static text in byte order, then
// [x], then [...x], then [[...x]]. For the errors see [ConflictError].
func Sort(patterns []string) ([]string, error) {
	routes, err := arrange(patterns, false)
	if err != nil {
		return nil, err
	}
	sorted := make([]string, len(routes))
	for i, r := range routes {
		sorted[i] = r.text
	}
	return slices.Compact(sorted), nil
}

// A route is a pattern in a set.
type route struct {
	*compiled
	key string // the pattern as given
	pos int    // where it was given
}

// arrange parses the patterns and sorts them by precedence. If strict is false,
// duplicates and empty names pass, as in Next.js.
func arrange(patterns []string, strict bool) ([]route, error) {
	a := arranger{strict: strict}
	routes := make([]route, 0, len(patterns))
	for pos, s := range patterns {
		c, fault := parse(s)
		if fault != nil && (strict || fault.Category != emptyName) {
			a.add(conflict{&ConflictError{fault.Category, []string{s}, "", fault}, pos, 0})
			continue
		}
		routes = append(routes, route{c, s, pos})
	}
	slices.SortFunc(routes, func(a, b route) int {
		return cmp.Or(compare(a.compiled, b.compiled), cmp.Compare(a.pos, b.pos))
	})
	a.level(routes, 0)
	return routes, a.err()
}
