package policy_test

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A dependency is a module that go.mod may require: which packages may import it, and
// why it is needed.
type dependency struct {
	module  string
	user    string // the only package that imports it
	version string // the only version allowed, if set
	why     string
}

// dependencies are all of them. A new one needs an entry here, a sentence in go.mod,
// and a package that every other can do without.
var dependencies = []dependency{
	{"github.com/justinas/alice", "middleware", "", "the type of Chain"},
	{"github.com/gorilla/schema", "bodyparser/bind", "", "forms and queries into structs"},
	{"github.com/go-playground/validator/v10", "bodyparser/bind", "v10.30.1",
		"rules on fields; v10.30.2 to v10.30.6 box every field, and go.mod must not force users up to them"},
	{"github.com/cespare/xxhash/v2", "reply", "", "the ETag of responses"},
	{"golang.org/x/text", "bodyparser", "", "the charsets of request bodies"},
	{"github.com/maypok86/otter/v2", "middleware/cache", "", "the store of the response cache"},
}

// joins are the packages whose purpose is to combine others.
var joins = []string{"middleware", "bodyparser/bind", "pattern/nextfs", "typescript"}

// floors are packages that others build on: the package that may import each, as may
// its test suite.
var floors = map[string]string{"stream/hub": "stream"}

// checkImports keeps the packages independent: a program that imports one of them links
// that one, the internal packages and at most one dependency.
func checkImports(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		for _, f := range p.files {
			for _, spec := range f.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					continue // the compiler reports it
				}
				if complaint := importComplaint(p, imported); complaint != "" {
					found = append(found, violation{t.at(spec.Pos()), fmt.Sprintf("%s imports %s: %s", p.path, imported, complaint)})
				}
			}
		}
	}
	return found
}

// importComplaint says why p may not import a package, or "".
func importComplaint(p *policyPackage, imported string) string {
	own, ours := strings.CutPrefix(imported, modulePath+"/")
	switch {
	case imported == modulePath:
		return "the root package is documentation"
	case !ours && isStandard(imported):
		return ""
	case p.internal():
		if ours && under(own, "internal") {
			return ""
		}
		return "internal packages import the standard library and each other; pass in what is missing"
	case p.path == ".":
		return "the root package is documentation; put code into a package of its own"
	case !ours:
		i := slices.IndexFunc(dependencies, func(d dependency) bool { return under(imported, d.module) })
		switch {
		case i < 0:
			return "not a dependency of this module; do without, or move the code to a nested module"
		case p.example() || p.path == dependencies[i].user:
			return ""
		}
		return fmt.Sprintf("only %s links %s; move the code there", dependencies[i].user, dependencies[i].module)
	case p.example():
		if under(own, "internal") {
			return "an example shows what users can write; use the public packages"
		}
		return ""
	case own == "internal/testkit":
		return "for tests only; it links the testing package"
	case under(own, "internal"):
		return ""
	case under(own, "examples"):
		return "nothing imports an example"
	case p.path == "pattern":
		return "pattern stands alone; use the standard library and internal packages"
	case slices.Contains(joins, p.path):
		if slices.Contains(joins, own) {
			return "a package that joins others imports none of its kind, or both would link all their dependencies"
		}
		return ""
	case own == "bytesize", floors[p.path] == own:
		return ""
	case (p.suite() || p.command()) && (own == path.Dir(p.path) || floors[path.Dir(p.path)] == own):
		return ""
	}
	return fmt.Sprintf("pieces do not import each other; share through internal, or join them in %s", strings.Join(joins, ", "))
}

// isStandard reports whether a package is part of the standard library: the first
// element of every other path is a domain.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return path.Ext(first) == "" && first != "C"
}
