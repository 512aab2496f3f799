package typescript

import (
	"cmp"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A declKey is what an interface declares: a type, on one side.
type declKey struct {
	typ  reflect.Type
	mode mode
}

// A declaration is an interface.
type declaration struct {
	number     int // in the order of the generator
	properties []property
	name       string
}

// A reference stands for the name of an interface until all names are known.
func reference(number int) string { return fmt.Sprintf("\x00%d\x00", number) }

var references = regexp.MustCompile("\x00[0-9]+\x00")

// resolve replaces each reference.
func resolve(text string, to func(number int) string) string {
	return references.ReplaceAllStringFunc(text, func(ref string) string {
		n, _ := strconv.Atoi(strings.Trim(ref, "\x00"))
		return to(n)
	})
}

// suffixes distinguish the interfaces of one type, where they differ.
var suffixes = map[mode]string{body: "Input", query: "Query"}

// reserved returns the names that the client uses itself, of its own types and of
// those of the browser. An interface with such a name would be merged with one, or
// hide it.
func reserved() (names []string) {
	_, own, _ := strings.Cut(client, "// ---\n")
	code := regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*|'[^'\n]*'`).ReplaceAllString(own, " ")
	return append(regexp.MustCompile(`\b[A-Z]\w*`).FindAllString(code, -1), "Query", "Routes")
}

// nameInterfaces names every interface after its type, preceded by the package if
// two types have the same name, and followed by a suffix if a type differs from
// side to side. Interfaces of one type that do not differ become one.
func (g *generator) nameInterfaces() {
	split := g.split()
	same := map[string][]reflect.Type{} // by name
	for _, key := range g.order {
		base := typeName(key.typ)
		if !slices.Contains(same[base], key.typ) {
			same[base] = append(same[base], key.typ)
		}
	}
	taken, reserved := map[string]declKey{}, reserved()
	for _, name := range reserved {
		taken[name] = declKey{}
	}
	for _, key := range slices.SortedFunc(slices.Values(g.order), compareDeclKeys) {
		name := typeName(key.typ)
		if len(same[name]) > 1 || slices.Contains(reserved, name) {
			name = exported(path.Base(key.typ.PkgPath())) + name
		}
		owner := key
		if split[key.typ] {
			name += suffixes[key.mode]
		} else {
			owner.mode = response
		}
		unique := name
		for n := 2; ; n++ {
			by, used := taken[unique]
			if !used || by == owner {
				break
			}
			unique = name + strconv.Itoa(n)
		}
		taken[unique] = owner
		g.decls[key].name = unique
	}
}

// split finds the types whose interfaces differ from side to side, themselves or
// in the types that they refer to.
func (g *generator) split() map[reflect.Type]bool {
	split := map[reflect.Type]bool{}
	for changed := true; changed; {
		changed = false
		for i, key := range g.order {
			if split[key.typ] {
				continue
			}
			for _, other := range g.order[:i] {
				if other.typ == key.typ && g.text(key, split) != g.text(other, split) {
					split[key.typ], changed = true, true
				}
			}
		}
	}
	return split
}

// text returns the text of an interface, given the types that are known so far
// to differ.
func (g *generator) text(key declKey, split map[reflect.Type]bool) string {
	var b strings.Builder
	for _, p := range g.decls[key].properties {
		fmt.Fprintln(&b, p, p.doc)
	}
	return resolve(b.String(), func(n int) string {
		to := g.order[n]
		if !split[to.typ] {
			to.mode = response
		}
		return fmt.Sprintf("%p %d", to.typ, to.mode)
	})
}

func compareDeclKeys(a, b declKey) int {
	return cmp.Or(cmp.Compare(a.typ.PkgPath(), b.typ.PkgPath()), cmp.Compare(a.typ.String(), b.typ.String()), cmp.Compare(a.mode, b.mode))
}

// typeName returns the interface name of a type: Page[blog.Post] is PagePost.
func typeName(t reflect.Type) string {
	base, arguments, _ := strings.Cut(t.Name(), "[")
	name := exported(base)
	for word := range strings.FieldsFuncSeq(arguments, func(r rune) bool { return strings.ContainsRune("[]*,;{} ", r) }) {
		word = word[strings.LastIndexByte(word, '/')+1:]
		word, _, _ = strings.Cut(word, "\u00b7") // for a type in a function
		name += exported(word[strings.LastIndexByte(word, '.')+1:])
	}
	return name
}

func exported(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
	if name == "" {
		return ""
	}
	r := []rune(name)
	return string(unicode.ToUpper(r[0])) + string(r[1:])
}
