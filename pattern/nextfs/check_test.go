package nextfs_test

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

var _ nextfs.T = testing.TB(nil)

// fakeT collects the output of Check.
type fakeT struct {
	errors, logs []string
	breaks       []string // the errors about requests that reach another handler
	count        string
}

func (t *fakeT) Helper() {}
func (t *fakeT) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if strings.HasPrefix(text, "nextfs: requests reach") {
		t.breaks = append(t.breaks, text)
		return
	}
	t.errors = append(t.errors, text)
}
func (t *fakeT) Logf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if strings.Contains(text, " ported") {
		t.count = text
		return
	}
	t.logs = append(t.logs, text)
}

// lines are those below the heading of the only text, if there is one.
func lines(t *testing.T, texts []string) string {
	t.Helper()
	if len(texts) > 1 {
		t.Errorf("%d texts, want one: %q", len(texts), texts)
	}
	_, list, _ := strings.Cut(strings.Join(texts, ""), ":\n\t")
	return strings.ReplaceAll(list, "\n\t", "; ")
}

// listed is a handler that reports its methods.
type listed []string

func (l listed) Methods() []string                            { return l }
func (l listed) ServeHTTP(http.ResponseWriter, *http.Request) { panic("Check runs no handler") }

// byMethod chooses by method, and reports methods only through All.
type byMethod map[string]http.Handler

func (m byMethod) All() iter.Seq2[string, http.Handler] {
	return func(yield func(string, http.Handler) bool) {
		for _, method := range slices.Sorted(maps.Keys(m)) {
			if !yield(method, m[method]) {
				return
			}
		}
	}
}
func (m byMethod) ServeHTTP(http.ResponseWriter, *http.Request) { panic("Check runs no handler") }

func TestCheck(t *testing.T) {
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("Check runs no handler") })
	methods := func(names ...string) middleware.Methods {
		m := middleware.Methods{}
		for _, name := range names {
			m[name] = never
		}
		return m
	}
	wrapped := http.StripPrefix("/x", methods("GET"))
	for _, c := range []struct {
		file, source string
		handlers     map[string]http.Handler
		wrong        string
		unknown      string
		why          string
	}{
		{"pages/api/a.ts", "", map[string]http.Handler{"/api/a": never}, "", "", "a file of pages/api gets every method"},
		{"pages/api/a.ts", "", map[string]http.Handler{"/api/a": methods("GET")}, "", "", "whatever the handler has"},
		{"pages/api/a.ts", "", nil, "/api/a has no handler: pages/api/a.ts", "", ""},
		{"pages/api/[a].ts", "", map[string]http.Handler{"/api/[b]": never}, "/api/[b] has a handler, but no file", "", "the name is part of what handlers read"},
		{"pages/about.tsx", "", map[string]http.Handler{"/about": never}, "/about has a handler, but no file", "", "a page is no API route"},
		{"app/a/route.ts", "export const GET = 1, POST = 2", map[string]http.Handler{"/a": methods("GET", "POST")}, "", "", ""},
		{"app/a/route.ts", "export const GET = 1, POST = 2", nil, "/a has no handler of GET, POST: app/a/route.ts", "", ""},
		{"app/a/route.ts", "export const GET = 1, POST = 2", map[string]http.Handler{"/a": methods("PUT")}, "/a has no handler of GET, POST: app/a/route.ts; /a has a handler of PUT, which app/a/route.ts does not export", "", ""},
		{"app/a/route.ts", "", map[string]http.Handler{"/a": methods("GET")}, "/a has a handler of GET, HEAD, which app/a/route.ts does not export", "", "a file without methods"},
		{"app/a/route.ts", "", map[string]http.Handler{"/a": methods()}, "", "", "Next.js answers OPTIONS there as well"},
		{"app/a/route.ts", "export const GET = 1", map[string]http.Handler{"/a": listed{"GET"}}, "", "", "a handler that does not list what is implied"},
		{"app/a/route.ts", "export const POST = 1", map[string]http.Handler{"/a": listed{"HEAD", "POST"}}, "/a has a handler of HEAD, which app/a/route.ts does not export", "", "HEAD is implied by GET only"},
		{"app/a/route.ts", "export const GET = 1, HEAD = 2, OPTIONS = 3", map[string]http.Handler{"/a": methods("GET")}, "", "", "Methods answers them"},
		{"app/a/route.ts", "export const GET = 1, HEAD = 2, OPTIONS = 3", map[string]http.Handler{"/a": listed{"GET"}}, "/a has no handler of HEAD, OPTIONS: app/a/route.ts", "", "what is exported is missed"},
		{"app/a/route.ts", "export const GET = 1", map[string]http.Handler{"/a": never}, "", "/a: app/a/route.ts: http.HandlerFunc has neither a method Methods() []string nor Unwrap() http.Handler", ""},
		{"app/a/route.ts", "export const POST = 1", map[string]http.Handler{"/a": wrapped}, "", "/a: app/a/route.ts: http.HandlerFunc has neither a method Methods() []string nor Unwrap() http.Handler", "behind other middleware"},
		{"app/a/route.ts", "export const GET = 1, POST = 2", map[string]http.Handler{"/a": middleware.New(middleware.Config{MaxDuration: time.Second})(methods("GET"))}, "/a has no handler of POST: app/a/route.ts", "", "behind middleware that can be seen through"},
		{"app/a/route.ts", "export const GET = 1, POST = 2", map[string]http.Handler{"/a": byMethod{"GET": never, "": nextfs.Old(never)}}, "", "", "the others go to the old server"},
		{"app/a/route.ts", "export const GET = 1", map[string]http.Handler{"/a": byMethod{"PUT": never, "": nextfs.Old(never)}}, "/a has a handler of PUT, which app/a/route.ts does not export", "", ""},
		{"app/a/route.ts", "export * from 'b'", map[string]http.Handler{"/a": byMethod{"PUT": never, "": nextfs.Old(never)}}, "", "", "it has whatever there is"},
		{"app/a/route.ts", "export const GET = 1", map[string]http.Handler{"/a": byMethod{"GET": never, "": never}}, "", "/a: app/a/route.ts: http.HandlerFunc has neither a method Methods() []string nor Unwrap() http.Handler", "which may serve any"},
		{"app/a/route.ts", "export const GET = 1, POST = 2", map[string]http.Handler{"/a": byMethod{"GET": never}}, "/a has no handler of POST: app/a/route.ts", "", "a choice by method of another kind"},
		{"app/a/route.ts", "export const GET = 1", map[string]http.Handler{"/a": nextfs.Old(never)}, "", "", "the old server has what there is"},
		{"app/a/route.ts", "export * from 'b'; export const GET = 1", map[string]http.Handler{"/a": methods("PUT")}, "/a has no handler of GET: app/a/route.ts", `/a: app/a/route.ts: export * from "b"`, "what is known is compared"},
	} {
		h, err := pattern.NewHandler(c.handlers, pattern.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var got fakeT
		nextfs.Check(&got, fstest.MapFS{c.file: {Data: []byte(c.source)}}, h)
		if wrong, unknown := lines(t, got.errors), lines(t, got.logs); wrong != c.wrong || unknown != c.unknown {
			t.Errorf("%s %q: (%s)\n got %s | %s\nwant %s | %s", c.file, c.source, c.why, wrong, unknown, c.wrong, c.unknown)
		}
	}
}

// TestCheckOrder has routes in matching order, followed by those without a
// file.
func TestCheckOrder(t *testing.T) {
	h, err := pattern.NewHandler(map[string]http.Handler{"/z": http.NotFoundHandler(), "/y/[a]": http.NotFoundHandler()}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var got fakeT
	nextfs.Check(&got, fstest.MapFS{"pages/api/[x].ts": {}, "pages/api/b.ts": {}, "pages/api/[...y].ts": {}}, h)
	want := "/api/b has no handler: pages/api/b.ts; /api/[x] has no handler: pages/api/[x].ts; /api/[...y] has no handler: pages/api/[...y].ts; " +
		"/y/[a] has a handler, but no file; /z has a handler, but no file"
	if wrong := lines(t, got.errors); wrong != want {
		t.Errorf("got  %s\nwant %s", wrong, want)
	}
}

func TestCheckUnreadable(t *testing.T) {
	h, err := pattern.NewHandler(map[string]http.Handler{"/api/a": http.NotFoundHandler()}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		files fstest.MapFS
		h     *pattern.Handler
		ext   []string
		want  []string
		why   string
	}{
		{fstest.MapFS{"pages/api/a.ts": {}}, h, nil, nil, ""},
		{fstest.MapFS{"pages/api/a.api.ts": {}}, h, []string{"api.ts"}, nil, "page extensions"},
		{fstest.MapFS{"pages/api/a.ts": {}}, nil, nil, []string{"nextfs: Check: the handler is nil"}, ""},
		{fstest.MapFS{}, h, nil, []string{"nextfs: there is no directory pages or app, nor one in src", "/api/a has a handler, but no file"}, ""},
		{fstest.MapFS{"pages/api/a.ts": {}, "pages/api/a.js": {}}, h, nil, []string{"nextfs: pages/api/a.js and pages/api/a.ts: both are at /api/a"}, "a conflict fails the test, though the route has a handler"},
	} {
		var got fakeT
		nextfs.Check(&got, c.files, c.h, c.ext...)
		if !slices.EqualFunc(got.errors, c.want, strings.HasSuffix) {
			t.Errorf("%q, want %q (%s)", got.errors, c.want, c.why)
		}
	}
}
