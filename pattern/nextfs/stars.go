package nextfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxSource is the most that is read of a file, and maxStars the number of
// modules that are read for one, both far above any real project.
const (
	maxSource = 4 << 20
	maxStars  = 100
)

// A resolver reads the other modules of the project that a route refers to: by
// "export *", by re-exports, and by the constants of its settings. It reads
// modules with a relative path, for example "../crud", or an alias of the
// tsconfig.json.
type resolver struct {
	*scanner
	reading []string // the files from the route to the current one
	read    int      // the number of files requested
	steps   int      // the number of constants
}

// load reads a module, with its constants on request.
func (rs *resolver) load(name string, constants bool) *module {
	if m := rs.modules[name]; m != nil && (m.constants != nil || !constants) {
		return m
	}
	src, unknown := rs.source(name)
	m := &module{unknown: unknown, failed: unknown, mentions: true}
	if unknown == "" {
		mentions := mentionsSetting(src)
		// A .ts file has no JSX, and "<" begins a type there.
		m = moduleOf(src, !strings.HasSuffix(name, ".ts"), constants || mentions)
		m.mentions = mentions
	}
	rs.modules[name] = m
	return m
}

// follow returns the file of a module that another one imports, if it is in the
// project and within the limit.
func (rs *resolver) follow(from, to string) (file string, ok bool) {
	if rs.read++; rs.read > maxStars {
		return "", false
	}
	return rs.module(from, to)
}

// exports returns the methods that a file exports, sorted. If there may be
// others, unknown says why.
func (rs *resolver) exports(name string) (found []string, unknown string) {
	m := rs.load(name, false)
	found, unknown = slices.Clone(m.found), m.unknown
	rs.reading = append(rs.reading, name)
	defer func() { rs.reading = rs.reading[:len(rs.reading)-1] }()
	times := make([]int, len(methods)) // how many modules export each of them
	for _, star := range m.stars {
		file, ok := rs.follow(name, star)
		if !ok {
			unknown = starOf(star)
			continue
		}
		if slices.Contains(rs.reading, file) {
			continue // a cycle adds nothing
		}
		more, why := rs.exports(file)
		if why != "" {
			unknown = fmt.Sprintf("%s: %s", starOf(star), why)
		}
		for _, m := range more {
			times[slices.Index(methods, m)]++
		}
	}
	for i, m := range methods {
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

// source returns the text of a file.
func (s *scanner) source(name string) (src, unknown string) {
	f, err := s.fsys.Open(name)
	if err == nil {
		defer f.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(f, maxSource+1)); err == nil {
			if len(text) > maxSource {
				return "", fmt.Sprintf("the file has more than %d bytes", maxSource)
			}
			return string(text), ""
		}
	}
	s.fail(fmt.Errorf("nextfs: %w", err))
	return "", "the file cannot be read"
}

// module returns the file of a module in the project.
func (rs *resolver) module(from, to string) (file string, ok bool) {
	var names []string
	if strings.HasPrefix(to, "./") || strings.HasPrefix(to, "../") {
		if rs.linked(from) {
			return "", false
		}
		names = []string{path.Join(path.Dir(from), to)}
	} else {
		names = rs.aliases().names(to)
	}
	for _, name := range names {
		for _, try := range tries(name) {
			if !fs.ValidPath(try) {
				continue
			}
			if info, err := fs.Stat(rs.fsys, try); err == nil && info.Mode().IsRegular() {
				return try, true
			}
		}
	}
	return "", false
}

// tries returns the files that a name without an extension may stand for.
func tries(name string) []string {
	tries := []string{name}
	for _, ext := range []string{"tsx", "ts", "jsx", "js", "mjs"} {
		tries = append(tries, name+"."+ext)
	}
	// TypeScript modules are imported by the name of their compiled form.
	if base, compiled := strings.CutSuffix(name, ".js"); compiled {
		tries = append(tries, base+".ts", base+".tsx")
	}
	for _, ext := range []string{"tsx", "ts", "jsx", "js"} {
		tries = append(tries, path.Join(name, "index."+ext))
	}
	return tries
}

// linked reports whether a link is part of the name of a file: its relative
// paths start from the real location.
func (s *scanner) linked(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if info, err := fs.Lstat(s.fsys, name); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

func starOf(module string) string { return fmt.Sprintf("export * from %q", module) }
