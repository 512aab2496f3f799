package main

import (
	"cmp"
	"fmt"
	"go/format"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/apiece/apiece/pattern/nextfs"
)

// header explains the file to its reader. It is a comment of its own, not that of the
// package.
const header = `// The API routes of a Next.js project, as nextroutes -go has printed them. This
// file is yours to edit.
//
// Each route goes to next, the proxy to the Next.js server. To port one, put its
// handler in place of next:
//
//	"/api/hello":   hello,
//	"/api/contact": middleware.New(middleware.Config{MaxDuration: 5 * time.Second})(contact),
//
// middleware.New limits a body to 1 MB, as pages/api does. For a route handler of app,
// which has no such limit in Next.js, state the Limit that it is to have.
//
// A route whose methods are listed answers others with 405. OPTIONS goes to next for
// as long as Next.js answers the preflight requests of CORS. A test says what is
// ported, and what has changed in the project since:
//
//	h, err := pattern.NewHandler(nextRoutes(nextfs.Old(toNext)), pattern.HandlerConfig{})
//	nextfs.Check(t, os.DirFS("../web"), h)
`

// writeGo prints the routes as Go code.
func writeGo(w io.Writer, pkg string, routes []nextfs.Route) error {
	if len(routes) == 0 {
		return nil
	}
	f := goFile{imports: map[string]bool{"net/http": true}}
	f.printf("// nextRoutes returns the API routes of the Next.js project, each with next as its\n// handler, or as that of its methods.\n")
	f.printf("func nextRoutes(next http.Handler) map[string]http.Handler {\nreturn map[string]http.Handler{\n")
	for len(routes) > 0 {
		same := slices.IndexFunc(routes, func(r nextfs.Route) bool { return r.Pattern.String() != routes[0].Pattern.String() })
		if same < 0 {
			same = len(routes)
		}
		f.route(routes[0], routes[1:same])
		routes = routes[same:]
	}
	f.printf("}\n}\n")
	if f.imports[module+"/middleware"] && strings.Contains(f.text.String(), "notPorted(") {
		f.printf("\n// notPorted returns next. Once a handler is ported, the config is around it:\n// middleware.New(config)(handler).\n")
		f.printf("func notPorted(next http.Handler, config middleware.Config) http.Handler { return next }\n")
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\npackage %s\n\nimport (\n", header, pkg)
	for _, std := range []bool{true, false} {
		for _, path := range []string{"net/http", "time", module + "/bodyparser", module + "/bytesize", module + "/middleware"} {
			if f.imports[path] && std != strings.HasPrefix(path, module) {
				fmt.Fprintf(&out, "%q\n", path)
			}
		}
		out.WriteByte('\n')
	}
	out.WriteString(")\n\n" + f.text.String())
	source, err := format.Source([]byte(out.String()))
	if err != nil {
		return err
	}
	_, err = w.Write(source)
	return err
}

const module = "github.com/apiece/apiece"

type goFile struct {
	text    strings.Builder
	imports map[string]bool
}

func (f *goFile) printf(format string, args ...any) { fmt.Fprintf(&f.text, format, args...) }

// comment prints a line comment that its text cannot end.
func (f *goFile) comment(format string, args ...any) {
	f.printf("// %s\n", strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, fmt.Sprintf(format, args...)))
}

// route prints a route, with its file and the settings that are not carried
// over.
func (f *goFile) route(r nextfs.Route, others []nextfs.Route) {
	f.comment("%s", r.File)
	for _, o := range others {
		f.comment("%s: a second file of this route", o.File)
	}
	config, left := f.config(r)
	for _, l := range left {
		f.comment("%s", l)
	}
	next := "next"
	if config != "" {
		f.imports[module+"/middleware"] = true
		next = "notPorted(next, middleware.Config{" + config + "})"
	}
	methods := r.Methods
	switch {
	case r.Pages:
		methods = nil // any
	case r.Unknown != "":
		f.comment("methods: %s and others, which cannot be read: %s", cmp.Or(strings.Join(methods, ", "), "none known"), r.Unknown)
		methods = nil
	case len(methods) == 0:
		f.comment("methods: none is exported")
	}
	if methods == nil {
		f.printf("%q: %s,\n\n", r.Pattern, next)
		return
	}
	f.imports[module+"/middleware"] = true
	f.printf("%q: middleware.Methods{\n", r.Pattern)
	for _, m := range methods {
		f.printf("%q: %s,\n", m, next)
	}
	if !slices.Contains(methods, "OPTIONS") {
		f.printf("\"OPTIONS\": next,\n")
	}
	f.printf("},\n\n")
}

// quoted returns a setting as in its file.
func quoted(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case float64:
		if math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = quoted(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(v)
}
