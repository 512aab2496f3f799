package nextfs_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var (
	section    = regexp.MustCompile(`(?m)^-- (.+) --\n`)
	extensions = regexp.MustCompile(`pageExtensions: (\[.*\])`)
)

// project reads a project of testdata: its files, and the page extensions in
// its comment.
func project(t testing.TB, name string) (fsys fstest.MapFS, ext []string) {
	t.Helper()
	archive, err := os.ReadFile("testdata/projects/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	heads := section.FindAllStringSubmatchIndex(string(archive), -1)
	if len(heads) == 0 {
		t.Fatalf("%s has no files", name)
	}
	if m := extensions.FindSubmatch(archive[:heads[0][0]]); m != nil {
		if err := json.Unmarshal(m[1], &ext); err != nil {
			t.Fatal(err)
		}
	}
	fsys = fstest.MapFS{}
	for i, h := range heads {
		end := len(archive)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		fsys[string(archive[h[2]:h[3]])] = &fstest.MapFile{Data: archive[h[1]:end]}
	}
	return fsys, ext
}

// recorded is the result of Next.js for a project.
type recorded struct {
	Next    string
	OK      bool // it was built, and the server started
	Output  []string
	Pages   []string          // routes of the pages router
	App     map[string]string // entries of the app router, and their routes
	Answers map[string]struct {
		Status int
		Body   string // the name of the file, in most projects
		Allow  string // of OPTIONS
	}
}

// differences are where Scan differs from Next.js, and why: whole projects, or
// routes of one.
var differences = map[string]string{
	"c-dup-api":        "two files for one route: Next.js lets one of them win, and here it takes it for a page",
	"c-dup-app-ext":    "two files for one route: Next.js lets one of them win",
	"c-dup-ext":        "two files for one route: Next.js lets one of them win",
	"c-dup-index":      "two files for one route: Next.js lets one of them win",
	"c-empty-pages":    "a parameter without a name: Next.js builds it, and never matches it",
	"c-optional-mixed": "Next.js does not look for this conflict across the routers; a pattern.Handler does",
	"c-public-app":     "Next.js serves the file in public and never the route handler",
	"c-sitemap":        "metadata files are no API routes, and not looked at",
	"declarations":     "Next.js fails to compile a declaration file as an API route; it is none",

	"site /robots.txt":  "a metadata file is no API route",
	"site /sitemap.xml": "a metadata file is no API route",

	"intercept-alone /feed/(.)photo": "route handlers in intercepting segments have a path that nobody asks for",
	"intercept /feed/(.)photo":       "route handlers in intercepting segments have a path that nobody asks for",
	"intercept /feed/deep/(..)photo": "route handlers in intercepting segments have a path that nobody asks for",
	"intercept /feed/deep/(...)feed": "route handlers in intercepting segments have a path that nobody asks for",
	"exports /m/assigned-undefined":  "an export without a value: only running the module would tell",
	"site /index":                    "Next.js serves /index as if it were static, and has no OPTIONS for it",
	"roothandler /favicon.ico":       "Next.js serves a handler of /favicon.ico as if it were static",
}

// TestScanRecordedProjects compares Scan with the results of Next.js for the same files.
func TestScanRecordedProjects(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded projects", err)
	}
	needed := map[string]bool{}
	differs := func(id string) bool {
		needed[id] = true
		return differences[id] != ""
	}
	var unknown []string
	projects, routes, methods := 0, 0, 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var next recorded
		if err := json.Unmarshal(data, &next); err != nil {
			t.Fatal(file, err)
		}
		fsys, ext := project(t, name)
		ours, err := nextfs.Scan(fsys, ext...)
		projects++
		if (err == nil) != next.OK {
			if !differs(name) {
				t.Errorf("%s: error %v, Next.js: %q", name, err, next.Output)
			}
			continue
		}
		if err != nil {
			continue
		}

		got := map[string]nextfs.Route{}
		for _, r := range ours {
			got[r.Pattern.String()] = r
		}
		want := map[string]bool{}
		for _, route := range next.Pages {
			if route == "/api" || strings.HasPrefix(route, "/api/") {
				want[route] = true
			}
		}
		for entry, route := range next.App {
			if strings.HasSuffix(entry, "/route") {
				want[route] = true
			}
		}
		for route := range got {
			if !want[route] && !differs(name+" "+route) {
				t.Errorf("%s: %s is no route of Next.js", name, route)
			}
		}
		for route := range want {
			r, ok := got[route]
			if !ok {
				if !differs(name + " " + route) {
					t.Errorf("%s: %s is missing", name, route)
				}
				continue
			}
			routes++
			answer := next.Answers[route]
			if _, isFile := fsys[answer.Body]; isFile && answer.Body != r.File {
				t.Errorf("%s: %s is %s, want %s", name, route, r.File, answer.Body)
			}
			if r.Unknown != "" {
				unknown = append(unknown, r.Unknown)
			}
			if r.Pages || r.Unknown != "" || answer.Allow == "" || answer.Allow == "own" {
				continue
			}
			methods++
			if allow := strings.Join(answered(r.Methods), ", "); allow != answer.Allow && !differs(name+" "+route) {
				t.Errorf("%s: %s allows %s, want %s", name, route, allow, answer.Allow)
			}
		}
	}
	for id := range differences {
		if !needed[id] {
			t.Errorf("the difference %q is none any more", id)
		}
	}
	slices.Sort(unknown)
	if want := []string{
		"a CommonJS module", "a CommonJS module",
		"line 1: an escape in a name",
	}; !slices.Equal(unknown, want) {
		t.Errorf("what is not understood: %q, want %q", unknown, want)
	}
	t.Logf("%d projects, %d routes, methods of %d, %d differences", projects, routes, methods, len(differences))
}

// answered adds the methods that Next.js responds to without an export.
func answered(exported []string) []string {
	all := append([]string{http.MethodOptions}, exported...)
	if slices.Contains(all, http.MethodGet) {
		all = append(all, http.MethodHead)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestScanUnrecorded has cases that need no recorded project.
func TestScanUnrecorded(t *testing.T) {
	for _, c := range []struct {
		files string
		ext   string
		want  string
		why   string
	}{
		{"pages/api/a.ts", "", "/api/a any pages/api/a.ts", ""},
		{"pages/api/a.ts pages/api/[b].ts pages/api/[...c].ts pages/api/b/c.ts", "",
			"/api/a any pages/api/a.ts, /api/b/c any pages/api/b/c.ts, /api/[b] any pages/api/[b].ts, /api/[...c] any pages/api/[...c].ts", "by precedence, not by name"},
		{"pages/api/a.mjs pages/api/b.cts pages/api/README pages/api/c.ts.bak app/layout.tsx", "", "", "other files"},
		{"pages/api/a.mjs", "mjs", "/api/a any pages/api/a.mjs", ""},
		{"pages/api/a.mjs", ".mjs", "/api/a any pages/api/a.mjs", "a period does no harm"},
		{"web/pages/api/a.ts pages/x.tsx", "", "", "another project below"},
		{"app/pages/api/a.ts app/pages/api/route.ts", "", "/pages/api GET app/pages/api/route.ts", "a directory of app that is named pages"},
		{"pages/app/route.ts pages/api/app/route.ts", "", "/api/app/route any pages/api/app/route.ts", "the reverse"},
		{"src/pages/api/a.ts src/app/b/route.ts", "", "/api/a any src/pages/api/a.ts, /b GET src/app/b/route.ts", ""},
		{"pages/api/a.ts src/app.ts", "", "/api/a any pages/api/a.ts", "src/app is a directory"},
		{"pages/404.tsx app/404/route.ts pages/_app.tsx app/%5Fapp/route.ts", "", "/404 GET app/404/route.ts, /_app GET app/%5Fapp/route.ts", "the special pages have no route"},
		{"app/a/page.tsx app/(b)/a/page.tsx app/[c]/page.tsx app/[d]/e/page.tsx pages/[[x]].tsx", "", "", "conflicts among pages are not ours"},
		{"app/a/(.)b/page.tsx app/a/b/route.ts", "", "/a/b GET app/a/b/route.ts", "what intercepts has no path"},
		{"public/a/b.txt app/a/route.ts", "", "/a GET app/a/route.ts", "a directory in public takes nobody's place"},
		{"app/x/_y/page.tsx app/x/%5Fy/route.ts", "", "/x/_y GET app/x/%5Fy/route.ts", "nor has what is private"},
	} {
		fsys := fstest.MapFS{}
		for _, f := range strings.Fields(c.files) {
			fsys[f] = &fstest.MapFile{Data: []byte("export const GET = 1")}
		}
		routes, err := nextfs.Scan(fsys, strings.Fields(c.ext)...)
		var got []string
		for _, r := range routes {
			methods := strings.Join(r.Methods, " ")
			if r.Pages {
				methods = "any"
			}
			got = append(got, fmt.Sprintf("%s %s %s", r.Pattern, methods, r.File))
		}
		if s := strings.Join(got, ", "); err != nil || s != c.want {
			t.Errorf("%s: %s, %v, want %s (%s)", c.files, s, err, c.want, c.why)
		}
	}
}

// TestScanByExtension has source with another meaning in a file with JSX.
func TestScanByExtension(t *testing.T) {
	const source = "const a = <A>b\nexport const GET = '</A>'"
	for file, want := range map[string]string{"app/route.ts": "[GET]", "app/route.tsx": "[]", "app/route.js": "[]", "app/route.api.ts": "[GET]"} {
		routes, err := nextfs.Scan(fstest.MapFS{file: {Data: []byte(source + " // '")}}, "api.ts", "ts", "tsx", "js")
		if err != nil || len(routes) != 1 || fmt.Sprint(routes[0].Methods) != want {
			t.Errorf("%s: %v, %v, want %s", file, routes, err, want)
		}
	}
}

// TestScanConflicts checks the reports on projects of testdata, or on files.
// TestScanRecordedProjects checks that Next.js refuses them too.
func TestScanConflicts(t *testing.T) {
	for _, c := range []struct {
		project string
		want    string // lines
		why     string
	}{
		{"c-dup-ext", "pages/api/a.js and pages/api/a.ts: both are at /api/a", ""},
		{"c-dup-index", "pages/api/a/index.ts and pages/api/a.ts: both are at /api/a", ""},
		{"c-dup-api", "pages/api/index.ts and pages/api.ts: both are at /api", ""},
		{"c-dup-app-ext", "app/x/route.js and app/x/route.ts: both are at /x", ""},
		{"c-dup-group", "app/(a)/x/route.ts and app/(b)/x/route.ts: both are at /x", ""},
		{"slot-twice", "app/@modal/photo/route.ts and app/photo/route.ts: both are at /photo", "a slot is no part of the path"},
		{"c-page-and-route", "app/x/page.tsx and app/x/route.ts: both are at /x", ""},
		{"c-page-and-route-group", "app/(g)/x/route.ts and app/x/page.tsx: both are at /x", ""},
		{"slot-page", "app/@modal/photo/page.tsx and app/photo/route.ts: both are at /photo", ""},
		{"c-pages-and-app", "pages/api/x.ts and app/api/x/route.ts: both are at /api/x", ""},
		{"c-pages-and-app-page", "pages/api/x.ts and app/api/x/page.tsx: both are at /api/x", ""},
		{"c-page-of-pages", "pages/x.tsx and app/x/route.ts: both are at /x", ""},
		{"c-pages-and-app-dynamic", "pages/api/[id].ts and app/api/[id]/route.ts: both are at /api/[id]", ""},
		{"c-public-pages", "public/api/x and pages/api/x.ts: both are at /api/x", ""},
		{"c-public-app", "public/feed.xml and app/feed.xml/route.ts: both are at /feed.xml", ""},
		{"c-names-mixed", "app/api/[b]/y/route.ts and pages/api/[a]/x.ts: /api/[b]/y conflicts with /api/[a]/x: parameters at the same position need the same name", "no path matches both, but Next.js refuses them"},
		{"c-names-page", "app/shop/[b]/r/route.ts and app/shop/[a]/page.tsx: /shop/[b]/r conflicts with /shop/[a]: parameters at the same position need the same name", "with a page"},
		{"c-names-pages-page", "app/shop/[b]/r/route.ts and pages/shop/[a].tsx: /shop/[b]/r conflicts with /shop/[a]: parameters at the same position need the same name", "with a page of the other router"},
		{"c-optional-mixed", `app/api/docs/[[...s]]/route.ts and pages/api/docs/index.ts: /api/docs/[[...s]] conflicts with /api/docs: the optional catch-all matches that path too, with the same precedence; both match "/api/docs"`, ""},
		{"c-both-catch-alls-app", `app/x/[[...b]]/route.ts and app/x/[...a]/route.ts: /x/[[...b]] conflicts with /x/[...a]: a position has either a required or an optional catch-all; both match "/x/x"`, ""},
		{"c-catch-all-middle-app", `app/api/[...a]/x/route.ts: parsing "/api/[...a]/x": at offset 12: a catch-all must be the last segment`, "a fault of one file"},
		{"c-period-pages", `pages/api/[.a].ts: parsing "/api/[.a]": at offset 5: a name must not begin with a period`, "likewise"},
		{"c-roots", "pages and src/app: the directories pages and app belong into the same directory", ""},
		{"c-no-root", "there is no directory pages or app, nor one in src", ""},
		{"c-many", `pages/api/a/index.ts and pages/api/a.ts and app/api/a/route.ts: all are at /api/a
app/(g)/p/page.tsx and app/p/route.ts: both are at /p
pages/api/[z].ts and pages/api/[x]/y.ts: /api/[z] conflicts with /api/[x]/y: parameters at the same position need the same name`, "every one of them, not the first only"},
		{"app/[a]/page.tsx app/(g)/[a]/route.ts app/[b]/page.tsx", "app/(g)/[a]/route.ts and app/[a]/page.tsx: both are at /[a]\napp/[b]/page.tsx and app/(g)/[a]/route.ts: /[b] conflicts with /[a]: parameters at the same position need the same name; both match \"/x\"", "a page and a route handler stand for one route, and the route handler for both"},
		{"pages/index.tsx app/route.ts", "pages/index.tsx and app/route.ts: both are at /", "at the root"},
		{"pages/api/[[a]].ts app/b/route.ts app/b/route.js", `pages/api/[[a]].ts: parsing "/api/[[a]]": at offset 5: only a catch-all can be optional: write [[...a]]
app/b/route.js and app/b/route.ts: both are at /b`, "of every kind"},
		{"app/[a]/page.tsx app/[b]/page.tsx app/[c]/x/route.ts", "app/[c]/x/route.ts and app/[a]/page.tsx: /[c]/x conflicts with /[a]: parameters at the same position need the same name", "two pages among each other are left out"},
	} {
		fsys, ext := fstest.MapFS{}, []string(nil)
		if strings.Contains(c.project, ".") {
			for _, f := range strings.Fields(c.project) {
				fsys[f] = &fstest.MapFile{}
			}
		} else {
			fsys, ext = project(t, c.project)
		}
		routes, err := nextfs.Scan(fsys, ext...)
		if got := strings.ReplaceAll(fmt.Sprint(err), "nextfs: ", ""); got != c.want {
			t.Errorf("%s: (%s)\n got %s\nwant %s", c.project, c.why, got, c.want)
		}
		for _, r := range routes {
			if _, err := fs.Stat(fsys, r.File); err != nil {
				t.Errorf("%s: %v", c.project, err)
			}
		}
	}
}

func TestScanLinks(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("export const GET = 1"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	write("shared/c/route.ts")
	write("app/a/route.ts")
	link("../../a/route.ts", "app/b.ts")
	link("../shared", "app/linked")
	link("nowhere", "app/dangling")
	if err := os.Mkdir(filepath.Join(dir, "app/b"), 0o777); err != nil {
		t.Fatal(err)
	}
	link("../a/route.ts", "app/b/route.ts")
	scan := func() (string, error) {
		routes, err := nextfs.Scan(os.DirFS(dir))
		var got []string
		for _, r := range routes {
			got = append(got, fmt.Sprint(r.Pattern, r.Methods))
		}
		return strings.Join(got, " "), err
	}
	if got, err := scan(); err != nil || got != "/a [GET] /b [GET] /linked/c [GET]" {
		t.Errorf("%s, %v: links are followed, and what leads nowhere is left out", got, err)
	}
	link("..", "shared/up")
	link("../../app", "shared/c/app")
	got, err := scan()
	if err == nil || strings.Count(err.Error(), "not followed") == 0 || !strings.Contains(err.Error(), "app/linked/") {
		t.Errorf("%s, %v: a link that leads back", got, err)
	}
}

// brokenFS fails to read certain files.
type brokenFS struct {
	fs.FS
	name string
	err  error
}

var errBroken = errors.New("broken")

func (b brokenFS) Open(name string) (fs.File, error) {
	if name == b.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: b.err}
	}
	return b.FS.Open(name)
}

func TestScanUnreadableFile(t *testing.T) {
	tree := fstest.MapFS{"app/a/route.ts": {Data: []byte("export const GET = 1")}, "app/b/route.ts": {Data: []byte("export const GET = 1")}}
	for _, name := range []string{"app/a", "app/a/route.ts"} {
		routes, err := nextfs.Scan(brokenFS{tree, name, errBroken})
		if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(routes); routes[n-1].File != "app/b/route.ts" || n == 2 && routes[0].Unknown == "" {
			t.Errorf("%s: %v", name, routes)
		}
	}
}

// An unreadable directory is not a missing one.
func TestScanUnreadableRoot(t *testing.T) {
	routes, err := nextfs.Scan(brokenFS{fstest.MapFS{"pages/api/a.ts": {}}, "src/app", fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || len(routes) != 1 {
		t.Errorf("%v, %v", routes, err)
	}
	_, err = nextfs.Scan(brokenFS{fstest.MapFS{"pages/api/a.ts": {}}, "pages", fs.ErrPermission})
	if got := fmt.Sprint(err); got != "nextfs: open pages: "+fs.ErrPermission.Error() {
		t.Errorf("%q, want the one fault there is", got)
	}
}

func TestConflictErrorUnwrap(t *testing.T) {
	_, err := nextfs.Scan(fstest.MapFS{"pages/api/[a].ts": {}, "pages/api/[b]/x.ts": {}, "pages/api/[[c]].ts": {}, "pages/api/z.ts": {}, "pages/api/z.js": {}})
	var conflict *nextfs.ConflictError
	if !errors.As(err, &conflict) || len(conflict.Files) == 0 {
		t.Errorf("%v holds no ConflictError", err)
	}
	var names *pattern.ConflictError
	if !errors.As(err, &names) || names.Category != "different-slug-names" {
		t.Errorf("%v does not say the category", err)
	}
	var syntax *pattern.SyntaxError
	if !errors.As(err, &syntax) || syntax.Category != "optional-single-param-unsupported" {
		t.Errorf("%v does not say the fault", err)
	}
}
