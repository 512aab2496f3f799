package pattern

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A ConflictError reports what makes a set of patterns unusable. Sort,
// NewTable and NewHandler report every one they find, joined; errors.As
// finds the first.
//
// The category is one of the ten that Next.js knows,
//
//	catch-all-not-last                       a segment follows a catch-all
//	ellipsis-character                       [… instead of [...
//	extra-brackets                           [[[x]]]
//	erroneous-period                         [.x]
//	optional-single-param-unsupported        [[x]]
//	repeated-slug-name                       /[a]/[a]
//	slug-names-differ-only-by-non-word       /[a-b]/[a.b]
//	different-slug-names                     /[a]/x and /[b]/y
//	required-and-optional-catch-all          /[...x] and /[[...x]]
//	optional-catch-all-specificity-conflict  /x and /x/[[...y]]
//
// or one of ours: duplicate-route, empty-name, invalid-utf-8.
type ConflictError struct {
	Category string
	Patterns []string // as they were given: one, or the two that conflict
	Path     string   // a path that both match; "" if there is none
	err      error
}

func (e *ConflictError) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	var common string
	if e.Path != "" {
		common = fmt.Sprintf("; both match %q", e.Path)
	}
	return fmt.Sprintf("pattern: %s conflicts with %s: %s%s", e.Patterns[1], e.Patterns[0], reasons[e.Category], common)
}

// Unwrap returns the [*SyntaxError] of a fault in a single pattern.
func (e *ConflictError) Unwrap() error { return e.err }

var reasons = map[string]string{
	differentNames:      "parameters at the same position need the same name",
	requiredAndOptional: "a position has either a required or an optional catch-all",
	sameSpecificity:     "the optional catch-all matches that path too, with the same precedence",
	duplicateRoute:      "they are the same route",
}

// A route is a pattern in a set.
type route struct {
	*compiled
	key string // the pattern as it was given
	pos int    // where it was given
}

// arrange parses the patterns and sorts them by precedence. If strict is not
// set, duplicates and empty names pass, as in Next.
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

// An arranger collects the conflicts of a set.
type arranger struct {
	strict    bool
	conflicts []conflict
}

// A conflict knows when Next would come upon it: it inserts the patterns one
// by one, from their first segment to their last, and stops at the first
// conflict. Kept in that order, the first of ours is the one of Next.
type conflict struct {
	*ConflictError
	pos, depth int
}

// afterAll is the position of what Next finds when all patterns are inserted.
const afterAll = math.MaxInt - 1

func (a *arranger) add(c conflict) { a.conflicts = append(a.conflicts, c) }

func (a *arranger) pair(category string, x, y route, depth int) {
	if x.pos > y.pos {
		x, y = y, x
	}
	path, _ := Pattern{x.compiled}.Overlap(Pattern{y.compiled})
	pos := y.pos
	switch category {
	case sameSpecificity:
		pos = afterAll
	case duplicateRoute:
		pos = afterAll + 1 // Next does not find that at all
	}
	a.add(conflict{&ConflictError{category, []string{x.key, y.key}, path, nil}, pos, depth})
}

func (a *arranger) err() error {
	slices.SortStableFunc(a.conflicts, func(x, y conflict) int {
		return cmp.Or(cmp.Compare(x.pos, y.pos), cmp.Compare(x.depth, y.depth))
	})
	errs := make([]error, len(a.conflicts))
	for i, c := range a.conflicts {
		errs[i] = c.ConflictError
	}
	return errors.Join(errs...)
}

// level looks for conflicts between routes that have their first depth
// segments in common.
func (a *arranger) level(routes []route, depth int) {
	l := split(routes, depth)
	for i := 1; i < len(l.end); i++ {
		if x, y := l.end[i-1], l.end[i]; a.strict && x.text == y.text {
			a.pair(duplicateRoute, x, y, depth)
		}
	}
	for group := range groups(l.static, depth) {
		a.level(group, depth+1)
	}
	a.sameName(l.single, depth)
	a.sameName(l.rest, depth)
	a.sameName(l.optional, depth)
	if len(l.single) > 0 {
		a.level(l.single, depth+1)
	}
	if len(l.rest) > 0 && len(l.optional) > 0 {
		a.pair(requiredAndOptional, earliest(l.rest), earliest(l.optional), depth)
	}
	if len(l.end) > 0 && len(l.optional) > 0 {
		a.pair(sameSpecificity, l.end[0], earliest(l.optional), depth)
	}
	for _, group := range [][]route{l.rest, l.optional} {
		if len(group) > 1 {
			a.level(group, depth+1)
		}
	}
}

// sameName reports every other name than the first at a position.
func (a *arranger) sameName(routes []route, depth int) {
	if len(routes) < 2 {
		return
	}
	first := earliest(routes)
	others := map[string]route{}
	for _, r := range routes {
		name := r.segs[depth].text
		if o, ok := others[name]; name != first.segs[depth].text && (!ok || r.pos < o.pos) {
			others[name] = r
		}
	}
	for _, r := range others {
		a.pair(differentNames, first, r, depth)
	}
}

func earliest(routes []route) route {
	return slices.MinFunc(routes, func(a, b route) int { return a.pos - b.pos })
}

// A level is how sorted routes fall apart at a depth.
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
func groups(routes []route, depth int) func(yield func([]route) bool) {
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

// Sort returns the patterns in the order of precedence of Next.js, in their
// normal form and without duplicates. Precedence is decided segment by
// segment from the left: the end of the pattern, then static text in byte
// order, then [x], then [...x], then [[...x]]. The errors are described at
// [ConflictError].
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

// Overlap returns a path that both patterns match, if there is one. In a set
// the pattern that sorts first gets it.
func (p Pattern) Overlap(q Pattern) (path string, ok bool) {
	if p.c == nil || q.c == nil {
		return "", false
	}
	var b strings.Builder
	a, z := p.c.segs, q.c.segs
	for len(a) > 0 || len(z) > 0 {
		if len(a) > 0 && a[0].kind >= rest {
			a, z = z, a
		}
		if len(z) == 0 || z[0].kind < rest {
			if len(a) == 0 || len(z) == 0 {
				return "", false
			}
			text, ok := common(a[0], z[0])
			if !ok {
				return "", false
			}
			b.WriteString("/" + text)
			a, z = a[1:], z[1:]
			continue
		}
		// z ends here with a catch-all, which takes whatever is left of a.
		if len(a) == 0 && z[0].kind == rest {
			return "", false
		}
		for _, s := range a {
			text, _ := common(s, segment{kind: single})
			if s.kind != optional || z[0].kind == rest {
				b.WriteString("/" + text)
			}
		}
		break
	}
	if b.Len() == 0 {
		return "/", true
	}
	return escapePath(b.String()), true
}

// common returns a text that both segments accept.
func common(a, b segment) (string, bool) {
	switch {
	case a.kind == static && b.kind == static:
		return a.text, a.text == b.text
	case a.kind == static:
		return a.text, true
	case b.kind == static:
		return b.text, true
	}
	return "x", true
}
