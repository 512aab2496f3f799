package typescript

import (
	"slices"
	"strings"
)

// A union is a TypeScript type: a list of alternatives.
type union []string

// of returns the union of types, without repetition.
func of(types ...union) (all union) {
	for _, t := range types {
		for _, one := range t {
			if one == "unknown" {
				return union{one} // includes everything
			}
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

// mayBeText reports whether an alternative accepts a text.
func mayBeText(one string) bool { return one == "string" || one == "unknown" || one[0] == '"' }

func (u union) String() string { return strings.Join(u, " | ") }

func (u union) nullable() bool { return slices.Contains(u, "null") }

func (u union) orNull() union { return of(u, union{"null"}) }

func (u union) notNull() union { return u.replace("null") }

// replace returns the union with one alternative replaced by others.
func (u union) replace(old string, by ...string) union {
	i := slices.Index(u, old)
	if i < 0 {
		return u
	}
	return of(u[:i], by, u[i+1:])
}

func (u union) list() union {
	if len(u) > 1 {
		return union{"(" + u.String() + ")[]"}
	}
	return union{u.String() + "[]"}
}
