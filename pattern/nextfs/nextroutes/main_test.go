package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func project(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, source := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const table = `
ROUTE            METHODS    FILE
/api/post/[pid]  any        pages/api/post/[pid].ts
/api/todos       GET, POST  app/api/todos/route.ts
/api/users       DELETE, ?  app/api/users/route.ts (export * from "@/lib/crud")
/empty           none       app/empty/route.ts
`

const list = `
[
  {
    "route": "/api/post/[pid]",
    "file": "pages/api/post/[pid].ts",
    "methods": null,
    "config": {
      "api.bodyParser": false,
      "maxDuration": 5
    },
    "configUnknown": {
      "regions": "an expression"
    }
  },
  {
    "route": "/api/todos",
    "file": "app/api/todos/route.ts",
    "methods": [
      "GET",
      "POST"
    ]
  },
  {
    "route": "/api/users",
    "file": "app/api/users/route.ts",
    "methods": [
      "DELETE"
    ],
    "unknown": "export * from \"@/lib/crud\""
  },
  {
    "route": "/empty",
    "file": "app/empty/route.ts",
    "methods": []
  }
]
`

func TestRunOutput(t *testing.T) {
	good := project(t, map[string]string{
		"pages/api/post/[pid].ts": "export const config = { api: { bodyParser: false }, maxDuration: 5, regions: f() }",
		"app/api/todos/route.ts":  "export function POST() {}\nexport function GET() {}",
		"app/api/users/route.ts":  "export * from '@/lib/crud'\nexport function DELETE() {}",
		"app/empty/route.ts":      "",
		"pages/api/x.md":          "",
	})
	bad := project(t, map[string]string{"pages/api/a.ts": "", "pages/api/a/index.ts": "", "pages/api/[x].ts": "", "pages/api/[y]/z.ts": ""})
	file := filepath.Join(good, "pages", "api", "x.md")
	for _, c := range []struct {
		args   []string
		code   int
		stdout string // complete
		stderr []string
		why    string
	}{
		{[]string{good}, 0, table[1:], nil, ""},
		{[]string{"-json", good}, 0, list[1:], nil, ""},
		{[]string{"-ext", "md", good}, 0, "ROUTE   METHODS  FILE\n/api/x  any      pages/api/x.md\n", nil, ""},
		{[]string{"-ext", "ts, md", good}, 0, strings.Replace(table[1:], "/empty ", "/api/x           any        pages/api/x.md\n/empty ", 1), nil, "spaces as in a list of JavaScript"},
		{[]string{"-ext", "go", good}, 0, "", []string{"has no API routes"}, "which an empty page would not say"},
		{[]string{"-json", "-ext", "go", good}, 0, "[]\n", []string{"has no API routes"}, "a list all the same"},
		{[]string{bad}, 1, "ROUTE       METHODS  FILE\n/api/[x]    any      pages/api/[x].ts\n/api/[y]/z  any      pages/api/[y]/z.ts\n/api/a      any      pages/api/a/index.ts\n/api/a      any      pages/api/a.ts\n",
			[]string{"pages/api/a/index.ts and pages/api/a.ts", "pages/api/[y]/z.ts and pages/api/[x].ts"}, "conflicts, and the routes nevertheless"},
		{[]string{t.TempDir()}, 1, "", []string{"no directory pages or app"}, ""},
		{[]string{filepath.Join(good, "nowhere")}, 1, "", []string{"nowhere"}, "no such directory"},
		{[]string{file}, 1, "", []string{"x.md"}, "no directory"},
		{[]string{"-go", "-ext", "go", good}, 0, "", []string{"has no API routes"}, "no file without routes"},
		{[]string{"-go", "-json", good}, 2, "", []string{"usage: nextroutes"}, "one of them"},
		{[]string{"-go", "-package", "a b", good}, 2, "", []string{"usage: nextroutes"}, "no name of a package"},
		{nil, 2, "", []string{"usage: nextroutes"}, ""},
		{[]string{good, good}, 2, "", []string{"usage: nextroutes"}, ""},
		{[]string{"-ext", "", good}, 2, "", []string{"usage: nextroutes"}, ""},
		{[]string{"-yaml", good}, 2, "", []string{"-yaml", "usage: nextroutes"}, ""},
		{[]string{"-h"}, 0, "", []string{"usage: nextroutes"}, "asked for"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(c.args, &stdout, &stderr)
		if code != c.code || stdout.String() != c.stdout {
			t.Errorf("%q: (%s) code %d, want %d\n%s%s", c.args, c.why, code, c.code, stdout.String(), stderr.String())
		}
		if len(c.stderr) == 0 && stderr.Len() > 0 {
			t.Errorf("%q: (%s) standard error %q", c.args, c.why, stderr.String())
		}
		for _, s := range c.stderr {
			if !strings.Contains(stderr.String(), s) {
				t.Errorf("%q: (%s) standard error %q does not contain %q", c.args, c.why, stderr.String(), s)
			}
		}
	}
	for _, form := range []string{"-json=false", "-json", "-go"} {
		if code := run([]string{form, good}, full{}, new(bytes.Buffer)); code != 1 {
			t.Errorf("%s: standard output fails: code %d", form, code)
		}
	}
	var stdout bytes.Buffer
	if code := run([]string{"-go", "-package", "web", good}, &stdout, new(bytes.Buffer)); code != 0 || !strings.Contains(stdout.String(), "\npackage web\n") {
		t.Errorf("code %d\n%s", code, stdout.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
