package pattern

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// A ConflictError reports why a set of patterns cannot be used. Sort, NewTable
// and NewHandler report every conflict, joined; errors.As finds the first.
//
// The category is one of the ten of Next.js,
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
// or one of this package: duplicate-route, empty-name, invalid-utf-8.
type ConflictError struct {
	Category string
	Patterns []string // as given: one, or the two that conflict
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

// Unwrap returns the [*SyntaxError] of a mistake in a single pattern.
func (e *ConflictError) Unwrap() error { return e.err }

var reasons = map[string]string{
	differentNames:      "parameters at the same position need the same name",
	requiredAndOptional: "a position has either a required or an optional catch-all",
	sameSpecificity:     "the optional catch-all matches that path too, with the same precedence",
	duplicateRoute:      "they are the same route",
}

// An arranger collects the conflicts of a set.
type arranger struct {
	strict    bool
	conflicts []conflict
}

// A conflict knows when Next.js would find it: Next.js inserts the patterns one
// by one, from their first segment to their last, and stops at the first
// conflict. In that order, the first conflict here is that of Next.js.
type conflict struct {
	*ConflictError
	pos, depth int
}

// afterAll is the position of conflicts that Next.js finds after inserting all
// patterns.
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
		pos = afterAll + 1 // Next.js does not find it
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

// level looks for conflicts between routes with the same first depth segments.
func (a *arranger) level(routes []route, depth int) {
	l := split(routes, depth)
	for i := 1; i < len(l[end]); i++ {
		if x, y := l[end][i-1], l[end][i]; a.strict && x.text == y.text {
			a.pair(duplicateRoute, x, y, depth)
		}
	}
	for group := range byText(l[static], depth) {
		a.level(group, depth+1)
	}
	a.sameName(l[single], depth)
	a.sameName(l[rest], depth)
	a.sameName(l[optional], depth)
	if len(l[single]) > 0 {
		a.level(l[single], depth+1)
	}
	if len(l[rest]) > 0 && len(l[optional]) > 0 {
		a.pair(requiredAndOptional, earliest(l[rest]), earliest(l[optional]), depth)
	}
	if len(l[end]) > 0 && len(l[optional]) > 0 {
		a.pair(sameSpecificity, l[end][0], earliest(l[optional]), depth)
	}
	for _, group := range [][]route{l[rest], l[optional]} {
		if len(group) > 1 {
			a.level(group, depth+1)
		}
	}
}

// sameName reports every name that differs from the first one in a position.
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
