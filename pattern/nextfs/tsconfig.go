package nextfs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// aliases are the settings of tsconfig.json or jsconfig.json for modules
// without a relative path: "paths" and "baseUrl" of its compilerOptions.
type aliases struct {
	base  string // "" if there is none
	paths []alias
	read  int // how many files
}

// An alias stands for the files with this beginning and end; the star stands for
// the part in between.
type alias struct {
	prefix, suffix string
	star           bool
	to             []string
}

// aliases reads the configuration once. If it cannot be read, aliases are
// unknown.
func (s *scanner) aliases() *aliases {
	if s.paths != nil {
		return s.paths
	}
	s.paths = &aliases{}
	for _, name := range []string{"tsconfig.json", "jsconfig.json"} {
		if info, err := fs.Stat(s.fsys, name); err == nil && info.Mode().IsRegular() {
			s.readAliases(name)
			break
		}
	}
	return s.paths
}

// readAliases reads a configuration and, for missing settings, the one that it
// extends.
func (s *scanner) readAliases(name string) {
	const most = 20
	info, err := fs.Stat(s.fsys, name)
	if s.paths.read++; err != nil || !info.Mode().IsRegular() || info.Size() > sourceLimit || s.paths.read > most {
		return
	}
	text, err := fs.ReadFile(s.fsys, name)
	var config struct {
		Extends         any
		CompilerOptions struct {
			BaseURL *string
			Paths   map[string][]string
		}
	}
	if err != nil || json.Unmarshal(plainJSON(text), &config) != nil {
		return
	}
	dir, a := path.Dir(name), s.paths
	options := config.CompilerOptions
	if options.BaseURL != nil && a.base == "" {
		a.base = path.Join(dir, *options.BaseURL)
	}
	if options.Paths != nil && a.paths == nil {
		relative := cmp.Or(a.base, dir)
		a.paths = []alias{}
		for _, key := range slices.Sorted(maps.Keys(options.Paths)) {
			p := alias{}
			p.prefix, p.suffix, p.star = strings.Cut(key, "*")
			for _, to := range options.Paths[key] {
				if !path.IsAbs(to) {
					p.to = append(p.to, path.Join(relative, to))
				}
			}
			a.paths = append(a.paths, p)
		}
		// The most specific one is first: without a star, or with the longest
		// text before it.
		slices.SortStableFunc(a.paths, func(p, q alias) int {
			switch {
			case p.star == q.star:
				return cmp.Compare(len(q.prefix), len(p.prefix))
			case p.star:
				return 1
			}
			return -1
		})
	}
	extends, ok := config.Extends.([]any)
	if !ok {
		extends = []any{config.Extends}
	}
	for _, e := range slices.Backward(extends) { // the last one wins
		if to, ok := e.(string); ok && strings.HasPrefix(to, ".") { // otherwise a package
			s.readAliases(strings.TrimSuffix(path.Join(dir, to), ".json") + ".json")
		}
	}
}

// names returns the files that a module name may stand for, without their
// extensions.
func (a *aliases) names(module string) (names []string) {
	for _, p := range a.paths {
		star, ok := strings.CutPrefix(module, p.prefix)
		if ok {
			star, ok = strings.CutSuffix(star, p.suffix)
		}
		if !ok || !p.star && star != "" {
			continue
		}
		for _, to := range p.to {
			names = append(names, path.Clean(strings.Replace(to, "*", star, 1)))
		}
		return names // TypeScript tries no others
	}
	if a.base != "" {
		names = append(names, path.Join(a.base, module))
	}
	return names
}

// plainJSON removes the comments and trailing commas that a tsconfig.json may
// have.
func plainJSON(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var out []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out = append(out, text[i:end]...)
			i = end - 1
		case c == '/' && i+1 < len(text) && text[i+1] == '/':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case c == '/' && i+1 < len(text) && text[i+1] == '*':
			n := bytes.Index(text[i+2:], []byte("*/"))
			if n < 0 {
				return out
			}
			i += n + 3
		case c == '}' || c == ']':
			out = append(bytes.TrimSuffix(bytes.TrimRight(out, " \t\r\n"), []byte(",")), c)
		default:
			out = append(out, c)
		}
	}
	return out
}
