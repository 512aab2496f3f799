package nextfs

import (
	"fmt"
	"net/http"
	"slices"
)

// methodNames are the exports that Next.js looks for in a route handler.
var methodNames = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut,
}

// methods returns the methods that a file exports, sorted. If there may be
// others, unknown says why.
func (rs *resolver) methods(name string) (found []string, unknown string) {
	m := rs.load(name, false)
	found, unknown = slices.Clone(m.found), m.unknown
	rs.reading = append(rs.reading, name)
	defer func() { rs.reading = rs.reading[:len(rs.reading)-1] }()
	times := make([]int, len(methodNames)) // how many modules export each of them
	for _, star := range m.stars {
		file, ok := rs.follow(name, star)
		if !ok {
			unknown = exportStar(star)
			continue
		}
		if slices.Contains(rs.reading, file) {
			continue // a cycle adds nothing
		}
		more, why := rs.methods(file)
		if why != "" {
			unknown = fmt.Sprintf("%s: %s", exportStar(star), why)
		}
		for _, m := range more {
			times[slices.Index(methodNames, m)]++
		}
	}
	for i, m := range methodNames {
		switch {
		case times[i] > 1 && !slices.Contains(found, m):
			unknown = "several modules export " + m // none of them counts, unless they are the same
		case times[i] == 1:
			found = append(found, m)
		}
	}
	for _, method := range m.found {
		if from := m.exported[method]; from.module != "" && rs.lacks(name, from) {
			found = slices.DeleteFunc(found, func(m string) bool { return m == method })
			unknown = fmt.Sprintf("%q does not export %s", from.module, from.name)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), unknown
}

// lacks reports whether a module of the project, by the name in a file,
// certainly does not export a name.
func (rs *resolver) lacks(file string, from origin) bool {
	to, ok := rs.follow(file, from.module)
	if !ok || slices.Contains(rs.reading, to) {
		return false
	}
	m := rs.load(to, false)
	if next, ok := m.exported[from.name]; ok || m.unknown != "" {
		return ok && next.module != "" && rs.lacks(to, next)
	}
	rs.reading = append(rs.reading, to)
	defer func() { rs.reading = rs.reading[:len(rs.reading)-1] }()
	for _, star := range m.stars {
		if from.name == "default" { // "export *" does not include it
			break
		}
		if !rs.lacks(to, origin{star, from.name}) {
			return false
		}
	}
	return true
}
