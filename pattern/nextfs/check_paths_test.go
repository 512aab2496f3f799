package nextfs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

// tree is a project of empty files, or with the text after an equals sign.
func tree(files string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for f := range strings.FieldsSeq(files) {
		name, methods, _ := strings.Cut(f, "=")
		file := &fstest.MapFile{}
		for m := range strings.SplitSeq(methods, ",") {
			file.Data = fmt.Appendf(file.Data, "export function %s() {}\n", m)
		}
		fsys[name] = file
	}
	return fsys
}

// TestCheckMisroutes has routes that break on the first deployment: requests for one file
// that reach the handler of another route.
func TestCheckMisroutes(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Check runs no handler") })
	old := nextfs.Old(never)
	type routes = map[string]http.Handler
	inner := func(m routes, notFound http.Handler) http.Handler {
		h, err := pattern.NewHandler(m, pattern.HandlerConfig{NotFound: notFound})
		if err != nil {
			t.Fatal(err)
		}
		return middleware.Recover(nil)(h)
	}
	mux := http.NewServeMux()
	mux.Handle("/api/a/", old)
	mux.Handle("/api/b/x", never)

	for _, c := range []struct {
		files  string
		routes routes
		want   string // which request is answered by which handler, and where
		why    string
	}{
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/[id]": never}, "/api/new by /api/[id]", "a static one"},
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/[id]": never, "/api/new": old}, "", "which is listed"},
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/new": never}, "", "the dynamic one goes to the old server"},
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/[id]": old}, "", "both do"},
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/[id]": middleware.Methods{"GET": old}}, "/api/new by /api/[id]", "but not with every method"},
		{"app/a/[id]/route.ts=GET app/a/new/route.ts=GET", routes{"/a/[id]": middleware.Methods{"GET": old}}, "", "with those there are"},
		{"app/a/[id]/route.ts=GET app/a/new/route.ts=GET,PUT", routes{"/a/[id]": middleware.Methods{"GET": old}}, "/a/new by /a/[id]", "PUT is answered with 405"},
		{"app/a/[id]/route.ts=GET,PUT app/a/new/route.ts=GET", routes{"/a/[id]": middleware.Methods{"GET": old, "PUT": never}}, "/a/new by /a/[id]", "PUT is ported"},
		{"pages/api/[...all].ts pages/api/[id].ts pages/api/a/b/c.ts", routes{"/api/[...all]": never}, "/api/a/b/c by /api/[...all]; /api/[id] by /api/[...all] at /api/x", "a more specific one"},
		{"pages/api/[...all].ts pages/api/[id].ts", routes{"/api/[id]": never}, "", "it is the more specific one itself"},
		{"pages/api/[[...all]].ts pages/api/a.ts", routes{"/api/[[...all]]": never}, "/api/a by /api/[[...all]]", ""},
		{"pages/api/[a]/x.ts pages/api/y/[b].ts", routes{"/api/y/[b]": never}, "", "Next.js does the same with /api/y/x"},
		{"pages/api/[a]/x.ts pages/api/y/[b].ts", routes{"/api/[a]/x": never}, "/api/y/[b] by /api/[a]/x at /api/y/x", "where both match"},
		{"pages/api/[a]/x.ts pages/api/y/[...b].ts pages/api/y/x.ts", routes{"/api/[a]/x": never, "/api/y/x": old}, "", "a third has the one path"},
		{"pages/api/[a]/[b].ts pages/api/[...c].ts pages/api/[a]/[b]/[...d].ts", routes{"/api/[...c]": never}, "/api/[a]/[b] by /api/[...c] at /api/x/x; /api/[a]/[b]/[...d] by /api/[...c] at /api/x/x/x", "of other lengths"},
		{"pages/api/x.ts pages/api/[id].ts", routes{"/api/x": never, "/api/[name]": never}, "/api/[id] by /api/[name] at /api/xx", "by another name"},
		{"pages/api/[id].ts pages/api/caf\u00e9.ts pages/api/a%b.ts", routes{"/api/[id]": never}, "/api/a%b by /api/[id] at /api/a%25b; /api/caf\u00e9 by /api/[id] at /api/caf%C3%A9", "as they are sent"},
		{"app/[slug]/route.ts=GET app/about/page.tsx app/blog/[p]/page.tsx pages/help.tsx", routes{"/[slug]": never}, "/about by /[slug]; /help by /[slug]", "pages"},
		{"app/[slug]/route.ts=GET app/about/page.tsx", routes{"/[slug]": middleware.Methods{"GET": old}}, "/about by /[slug]", "server actions are POST"},
		{"app/[slug]/route.ts=GET app/about/page.tsx", routes{"/[slug]": old}, "", ""},
		{"app/[...slug]/route.ts=GET public/a.png public/b/c.txt", routes{"/[...slug]": never}, "files by /[...slug]: /_next/static/*, public/a.png, public/b/c.txt", "files"},
		{"app/a/[...slug]/route.ts=GET public/b/c.txt public/a/1 public/a/2 public/a/3 public/a/4 public/a/5 public/a/6 public/a/7", routes{"/a/[...slug]": never}, "files by /a/[...slug]: public/a/1, public/a/2, public/a/3, public/a/4, public/a/5 and 2 more", "few of many"},
		{"app/[...slug]/route.ts=GET public/a.png", routes{"/[...slug]": old}, "", "left to Next.js"},
		{"pages/api/a.ts pages/api/b.ts", routes{"/api/[...all]": inner(routes{"/api/a": old}, nil)}, "/api/b by /api/[...all]", "which is not found there"},
		{"pages/api/a.ts", routes{"/api/[...all]": inner(nil, nil)}, "/api/a by /api/[...all]", "nothing is found there"},
		{"pages/api/[...all].ts pages/api/a.ts pages/api/b.ts", routes{"/api/[...all]": inner(routes{"/api/a": never}, old)}, "", "a handler within a handler"},
		{"pages/api/a/x.ts pages/api/b/[id].ts pages/api/c.ts", routes{"/api/[...all]": mux}, "/api/b/[id] by /api/[...all] at /api/b/xx; /api/c by /api/[...all]", "a mux within a handler"},
		{"pages/api/[id].ts pages/api/new.ts", routes{"/api/[id]": alice.New(middleware.Recover(nil)).Then(old)}, "", "behind middleware"},
	} {
		h, err := pattern.NewHandler(c.routes, pattern.HandlerConfig{NotFound: old})
		if err != nil {
			t.Fatal(err)
		}
		var got fakeT
		nextfs.Check(&got, tree(c.files), h)
		short := strings.NewReplacer(" is answered by the handler of ", " by ", " are answered by the handler of ", " by ")
		breaks := strings.Split(lines(t, got.breaks), "; ")
		for i, b := range breaks {
			breaks[i] = short.Replace(b)
			if before, file, ok := strings.Cut(breaks[i], ": "); ok && !strings.HasPrefix(breaks[i], "files") {
				breaks[i] = before
				if _, ok := tree(c.files)[file]; !ok {
					t.Errorf("%q names no file", b)
				}
			}
		}
		if got := strings.Join(breaks, "; "); got != c.want {
			t.Errorf("%s %v (%s)\n got %s\nwant %s", c.files, c.routes, c.why, got, c.want)
		}
		for _, e := range got.errors {
			if strings.Contains(e, "has no handler") && !strings.Contains(e, "no handler of") {
				t.Errorf("%s: %s: all others go to the old server", c.files, e)
			}
		}
	}
}

// TestCheckCount: the number of ported routes.
func TestCheckCount(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Check runs no handler") })
	project := tree("pages/api/a.ts pages/api/b/[id].ts app/c/route.ts=GET,POST app/d/route.ts=GET app/page.tsx")
	for _, c := range []struct {
		ported func(old http.Handler) map[string]http.Handler
		want   string
		errors int
	}{
		{func(old http.Handler) map[string]http.Handler { return nil }, "0 of 4 routes are ported", 0},
		{func(old http.Handler) map[string]http.Handler {
			return map[string]http.Handler{"/api/a": never, "/c": middleware.New(middleware.Config{})(middleware.Methods{"GET": never, "POST": old}), "/d": middleware.Methods{"GET": old}}
		}, "2 of 4 routes are ported, 1 of them in part", 0},
		{func(old http.Handler) map[string]http.Handler {
			return map[string]http.Handler{"/api/a": never, "/c": middleware.Methods{"GET": never}, "/d": never, "/api/b/[id]": never}
		}, "4 of 4 routes are ported", 1},
	} {
		routes, err := nextfs.Baseline(project, never)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(routes, c.ported(routes["/api/a"]))
		h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var got fakeT
		nextfs.Check(&got, project, h)
		if got.count != "nextfs: "+c.want || len(got.errors) != c.errors {
			t.Errorf("%q %q, want %q and %d errors", got.count, got.errors, c.want, c.errors)
		}
	}
}

// TestBaseline: all routes of the project, including conflicting ones, with the
// old server for each.
func TestBaseline(t *testing.T) {
	served := 0
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ })
	routes, err := nextfs.Baseline(tree("pages/api/a.ts pages/api/a.js app/[b]/route.ts app/page.tsx"), next)
	if err == nil || len(routes) != 2 {
		t.Errorf("%v, %v", routes, err)
	}
	for _, h := range routes {
		h.ServeHTTP(nil, nil)
	}
	if routes, err := nextfs.Baseline(tree("pages/api/a.api.ts"), next, "api.ts"); err != nil || routes["/api/a"] == nil || served != 2 {
		t.Errorf("%v, %v, %d requests", routes, err, served)
	}
}

// TestCheckMisroutesUnreadable: if the routes of the project are unknown, nothing
// is reported as taken.
func TestCheckMisroutesUnreadable(t *testing.T) {
	handler := http.NotFoundHandler()
	for _, c := range []struct {
		fsys     fs.FS
		notFound http.Handler
		want     string // of the errors
		breaks   int
	}{
		{tree("pages/api/[a].ts pages/api/[b]/c.ts pages/api/new.ts"), nextfs.Old(handler), "different names", 0},
		{tree("pages/api/[a].ts pages/api/[b]/c.ts pages/api/new.ts"), nil, "has no handler: pages/api/[b]/c.ts", 0},
		{brokenFS{tree("pages/api/[a].ts public/x"), "public", errBroken}, nil, "broken", 0},
		{brokenFS{tree("pages/api/[a].ts public/x"), "public", fs.ErrPermission}, nil, "permission", 0},
		{tree("pages/api/[a].ts pages/api/new.ts"), nil, "", 1},
	} {
		h, err := pattern.NewHandler(map[string]http.Handler{"/api/[a]": handler}, pattern.HandlerConfig{NotFound: c.notFound})
		if err != nil {
			t.Fatal(err)
		}
		var got fakeT
		nextfs.Check(&got, c.fsys, h)
		text := strings.ReplaceAll(strings.Join(got.errors, "\n"), "parameters at the same position need the same name", "different names")
		if !strings.Contains(text, c.want) || len(got.breaks) != c.breaks {
			t.Errorf("%q %q, want %q and %d", text, got.breaks, c.want, c.breaks)
		}
		if c.notFound != nil && strings.Contains(text, "has no handler: pages/api/[b]/c.ts") {
			t.Errorf("%q: the old server has it", text)
		}
	}
}

func TestOldNil(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a proxy that is missing would be found by the first request")
		}
	}()
	nextfs.Old(nil)
}
