package nextfs

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// sourceLimit is the most that is read of a file, and maxModules the number of
// modules that are read for one, both far above any real project.
const (
	sourceLimit = 4 << 20
	maxModules  = 100
)

// A resolver reads the other modules of the project that a route refers to: by
// "export *", by re-exports, and by the constants of its settings. It reads
// modules with a relative path, for example "../crud", or an alias of the
// tsconfig.json.
type resolver struct {
	*scanner
	reading   []string // the files from the route to the current one
	requested int      // the number of files
	steps     int      // the number of constants
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
	if rs.requested++; rs.requested > maxModules {
		return "", false
	}
	return rs.module(from, to)
}

// source returns the text of a file.
func (s *scanner) source(name string) (src, unknown string) {
	f, err := s.fsys.Open(name)
	if err == nil {
		defer f.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(f, sourceLimit+1)); err == nil {
			if len(text) > sourceLimit {
				return "", fmt.Sprintf("the file has more than %d bytes", sourceLimit)
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

func exportStar(module string) string { return fmt.Sprintf("export * from %q", module) }
