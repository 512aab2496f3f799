package nextfs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// settingNames are the exports that Next.js reads as settings of a route.
var settingNames = []string{
	"config", "maxDuration", "runtime", "preferredRegion", "dynamic", "revalidate", "fetchCache", "dynamicParams",
}

// mentionsSetting reports whether a file may have settings. Most files have
// none, and need not be read.
func mentionsSetting(src string) bool {
	return slices.ContainsFunc(settingNames, func(name string) bool { return strings.Contains(src, name) })
}

// settings returns the settings that a file exports, including re-exports.
func (rs *resolver) settings(name string, pages bool) (all []Setting) {
	add := func(s Setting) {
		if !slices.ContainsFunc(all, func(old Setting) bool { return old.Name == s.Name }) {
			all = append(all, s)
		}
	}
	for _, setting := range settingNames[1:] {
		if v, ok := rs.setting(name, setting); ok {
			flatten(setting, v, add)
		}
	}
	m := rs.load(name, false)
	if pages {
		if v, ok := rs.setting(name, "config"); ok {
			flatten("", v, add)
		}
	} else if _, ok := m.exported["config"]; ok {
		add(Setting{Name: "config", Unknown: "Next.js reads none of a route handler"})
	}
	if m.failed != "" && m.mentions && len(all) == 0 {
		add(Setting{Name: "config", Unknown: m.failed})
	}
	return all
}

// setting returns the value of an export of a file.
func (rs *resolver) setting(file, name string) (v value, ok bool) {
	m := rs.load(file, false)
	if from, ok := m.exported[name]; ok {
		return rs.from(file, from), true
	}
	rs.reading = append(rs.reading, file)
	defer func() { rs.reading = rs.reading[:len(rs.reading)-1] }()
	for _, star := range m.stars {
		switch to, found := rs.follow(file, star); {
		case !found && name == "config":
			return unread(exportStar(star)), true
		case found && !slices.Contains(rs.reading, to):
			if v, ok := rs.setting(to, name); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// from returns the value of a name in a file that is a constant there or in
// another file.
func (rs *resolver) from(file string, o origin) value {
	if o.module == "" {
		return rs.constant(file, o.name)
	}
	to, ok := rs.follow(file, o.module)
	switch {
	case rs.requested > maxModules:
		return unread(fmt.Sprintf("it leads to more than %d modules", maxModules))
	case !ok:
		return unread(fmt.Sprintf("%s is imported from %q", o.name, o.module))
	}
	if from, ok := rs.load(to, true).exported[o.name]; ok {
		return rs.from(to, from)
	}
	return rs.constant(to, o.name)
}

// constant returns the value of a constant of a file.
func (rs *resolver) constant(file, name string) value {
	const most = 1000 // of a route, which limits cycles and values that double at each step
	if rs.steps++; rs.steps > most {
		return unread("constants refer to more than " + fmt.Sprint(most) + " others")
	}
	m := rs.load(file, true)
	if from, ok := m.imported[name]; ok {
		return rs.from(file, from)
	}
	v, ok := m.constants[name]
	if !ok {
		return unread(fmt.Sprintf("%s is no constant of %s", name, file))
	}
	return resolved(v, func(name string) value { return rs.constant(file, name) })
}

// flatten visits the values in objects one by one.
func flatten(name string, v value, visit func(Setting)) {
	switch v := v.(type) {
	case object:
		for _, m := range v {
			flatten(strings.TrimPrefix(name+"."+m.key, "."), m.value, visit)
		}
	case unread:
		visit(Setting{Name: cmp.Or(name, "config"), Unknown: string(v)})
	case []any:
		if holdsObject(v) {
			visit(Setting{Name: cmp.Or(name, "config"), Unknown: "a list of objects"})
			return
		}
		visit(Setting{Name: cmp.Or(name, "config"), Value: v})
	default:
		visit(Setting{Name: cmp.Or(name, "config"), Value: v})
	}
}

func holdsObject(v value) bool {
	list, _ := v.([]any)
	_, ok := v.(object)
	return ok || slices.ContainsFunc(list, holdsObject)
}
