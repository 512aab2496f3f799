package nextfs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// A Route is an API route of a Next.js project: a file below pages/api, or a
// file named route below app, which Next.js calls a route handler.
type Route struct {
	Pattern pattern.Pattern
	File    string // relative to the root of the project, with slashes

	// Pages is set for a file below pages/api. It accepts every method, and
	// decides at run time.
	Pages bool

	// Methods are the HTTP methods that a route handler exports, sorted.
	// Next.js responds to HEAD with GET, and to OPTIONS, even if they are not
	// exported.
	Methods []string

	// Unknown says why a route handler may have other methods, for example
	// `export * from "@/lib/crud"`. It is empty if it has no others.
	Unknown string

	// Config are the settings that the file exports, in no particular order:
	// those of `export const config` of pages/api and the route segment config of
	// app. They include members that are not settings of Next.js.
	Config []Setting
}

// A Setting is one value of the configuration of a route.
type Setting struct {
	// Name is the name in Next.js, "maxDuration", after the names of the objects around
	// it: "api.bodyParser.sizeLimit". It is "config" if none of them could be read.
	Name string

	// Value is a string, a float64, a bool, nil for null, or a []any of these.
	Value any

	// Unknown says why the value could not be read. It is empty if it was.
	Unknown string
}

// Scan returns the API routes of the Next.js project at the root of fsys, in
// order of precedence, or if there are conflicts sorted by their text. The
// directories pages and app are at the root or else in src.
//
// The extensions are those of the option pageExtensions, without the dot; none
// means "tsx", "ts", "jsx" and "js". Scan does not read the configuration of
// the project.
//
// The error joins all errors: a [*ConflictError] for files that conflict, or
// are invalid routes, and those of fsys. The routes are returned even with an
// error; of several files for one route, all are.
func Scan(fsys fs.FS, ext ...string) ([]Route, error) {
	s, err := scan(fsys, ext)
	return s.routes, err
}

func scan(fsys fs.FS, ext []string) (*scanner, error) {
	if len(ext) == 0 {
		ext = []string{"tsx", "ts", "jsx", "js"}
	}
	s := &scanner{fsys: fsys, ext: ext, entries: map[string][]entry{}, modules: map[string]*module{}}
	for _, root := range s.roots() {
		s.walk(root, false)
	}
	s.failLinks()
	s.arrange()
	return s, errors.Join(s.errs...)
}

type scanner struct {
	fsys    fs.FS
	ext     []string
	entries map[string][]entry // by pattern
	links   []string           // not followed
	modules map[string]*module // already read, by file
	paths   *aliases           // nil until it is read
	errs    []error

	routes []Route                 // of the API, by precedence
	table  *pattern.Table[[]entry] // all of them, and the pages; nil if there are conflicts
}

// An entry is a file with a route: of the API, or of a page, which may conflict
// with one of the API.
type entry struct {
	Route
	page bool
}

func (s *scanner) fail(err error) { s.errs = append(s.errs, err) }

// roots returns those of the directories pages and app that exist.
func (s *scanner) roots() (roots []string) {
	for _, name := range []string{"pages", "app"} {
		for _, dir := range []string{name, "src/" + name} {
			_, err := fs.Stat(s.fsys, dir)
			if err == nil {
				roots = append(roots, dir)
				break
			}
			if errors.Is(err, fs.ErrPermission) {
				s.fail(fmt.Errorf("nextfs: %w", err))
			}
		}
	}
	switch {
	case len(roots) == 0 && len(s.errs) == 0:
		s.fail(errors.New("nextfs: there is no directory pages or app, nor one in src"))
	case len(roots) == 2 && path.Dir(roots[0]) != path.Dir(roots[1]):
		s.fail(&ConflictError{roots, "the directories pages and app belong into the same directory", nil})
	}
	return roots
}

// walk visits the files of a directory and of those in it. It follows links,
// but no links inside of a linked directory, since they might lead back, and no
// link to one of the directories on the way, which does.
func (s *scanner) walk(dir string, linked bool, above ...fs.FileInfo) {
	files, err := fs.ReadDir(s.fsys, dir)
	if err != nil {
		s.fail(fmt.Errorf("nextfs: %w", err))
		return
	}
	if info, err := fs.Stat(s.fsys, dir); err == nil {
		above = append(above[:len(above):len(above)], info)
	}
	for _, f := range files {
		name := path.Join(dir, f.Name())
		isDir, isLink := f.IsDir(), f.Type()&fs.ModeSymlink != 0
		if isLink {
			info, err := fs.Stat(s.fsys, name)
			if err != nil {
				continue // a broken link
			}
			back := func(dir fs.FileInfo) bool { return os.SameFile(dir, info) }
			if isDir = info.IsDir(); isDir && (linked || slices.ContainsFunc(above, back)) {
				s.links = append(s.links, name)
				continue
			}
		}
		if isDir {
			s.walk(name, linked || isLink, above...)
		} else {
			s.file(name)
		}
	}
}

// failLinks reports the links that were not followed.
func (s *scanner) failLinks() {
	if len(s.links) > 0 {
		s.fail(fmt.Errorf("nextfs: links that lead back, and links within links, are not followed: %s", firstFew(s.links)))
	}
}

func (s *scanner) file(name string) {
	p, err := pattern.FromFile(name, s.ext...)
	var fault *pattern.SyntaxError
	switch {
	case err == nil:
		// A pipe or a device is not opened: that may block until it is written
		// to.
		if info, err := fs.Stat(s.fsys, name); err == nil && !info.Mode().IsRegular() {
			s.fail(fmt.Errorf("nextfs: %s is not a regular file", name))
			return
		}
		s.add(entry{s.route(p, name), false})
	case errors.As(err, &fault):
		s.fail(&ConflictError{[]string{name}, strings.TrimPrefix(fault.Error(), "pattern: "), fault})
	default:
		if p, ok := s.page(name); ok {
			s.add(entry{Route{Pattern: p, File: name}, true})
		}
	}
}

func (s *scanner) add(e entry) {
	key := e.Pattern.String()
	s.entries[key] = append(s.entries[key], e)
}

// route reads the file of an API route.
func (s *scanner) route(p pattern.Pattern, name string) Route {
	r := Route{Pattern: p, File: name}
	_, r.Pages = inPages(name)
	rs := resolver{scanner: s}
	if !r.Pages {
		r.Methods, r.Unknown = rs.methods(name)
	}
	r.Config = rs.settings(name, r.Pages)
	return r
}

// inPages returns the name of a file below the directory pages.
func inPages(name string) (rest string, ok bool) {
	return strings.CutPrefix(strings.TrimPrefix(name, "src/"), "pages/")
}

// page returns the route of a page: that of an API route in its place.
func (s *scanner) page(name string) (pattern.Pattern, bool) {
	if rest, ok := inPages(name); ok {
		base, _, _ := strings.Cut(rest, ".")
		switch base {
		case "_app", "_document", "_error", "404", "500": // parts of every page
			return pattern.Pattern{}, false
		}
		p, err := pattern.FromFile("pages/api/"+rest, s.ext...)
		if err != nil {
			return pattern.Pattern{}, false
		}
		p, err = pattern.Parse(strings.TrimPrefix(p.String(), "/api"))
		return p, err == nil
	}
	dir, base := path.Split(name)
	ext, ok := strings.CutPrefix(base, "page.")
	if !ok {
		return pattern.Pattern{}, false
	}
	p, err := pattern.FromFile(dir+"route."+ext, s.ext...)
	return p, err == nil
}

// arrange sorts the routes, and looks for conflicts among them.
func (s *scanner) arrange() {
	for _, key := range slices.Sorted(maps.Keys(s.entries)) {
		entries := s.entries[key]
		s.duplicates(entries)
		for _, e := range entries {
			if !e.page {
				s.published(e)
				s.routes = append(s.routes, e.Route)
			}
		}
	}
	var err error
	if s.table, err = pattern.NewTable(s.entries); err != nil {
		s.conflicts(err)
		return
	}
	rank := map[string]int{}
	for p := range s.table.All() {
		rank[p.String()] = len(rank)
	}
	slices.SortStableFunc(s.routes, func(a, b Route) int {
		return rank[a.Pattern.String()] - rank[b.Pattern.String()]
	})
}
