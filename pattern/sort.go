package pattern

import (
	"cmp"
	"iter"
	"slices"
	"strings"
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

// compare orders patterns by precedence: segment by segment, the end of the
// pattern first, then text in byte order, [x], [...x], [[...x]]. Patterns that
// differ only in names are ordered by them.
func compare(a, b *compiled) int {
	for i := 0; i < len(a.segs) && i < len(b.segs); i++ {
		x, y := a.segs[i], b.segs[i]
		if x.kind != y.kind {
			return int(x.kind) - int(y.kind)
		}
		if x.kind == static && x.text != y.text {
			return strings.Compare(x.text, y.text)
		}
	}
	return cmp.Or(cmp.Compare(len(a.segs), len(b.segs)), strings.Compare(a.text, b.text))
}

// A level is how sorted routes are grouped at a depth.
type level struct{ end, static, single, rest, optional []route }

func split(routes []route, depth int) (l level) {
	next := func(in func(route) bool) (head []route) {
		n := 0
		for n < len(routes) && in(routes[n]) {
			n++
		}
		head, routes = routes[:n:n], routes[n:]
		return head
	}
	of := func(k kind) func(route) bool {
		return func(r route) bool { return r.segs[depth].kind == k }
	}
	l.end = next(func(r route) bool { return len(r.segs) == depth })
	l.static, l.single, l.rest, l.optional = next(of(static)), next(of(single)), next(of(rest)), next(of(optional))
	return l
}

// groups iterates over the runs of routes with the same text at a depth.
func groups(routes []route, depth int) iter.Seq[[]route] {
	return func(yield func([]route) bool) {
		for start, i := 0, 1; i <= len(routes); i++ {
			if i < len(routes) && routes[i].segs[depth].text == routes[start].segs[depth].text {
				continue
			}
			if !yield(routes[start:i]) {
				return
			}
			start = i
		}
	}
}
