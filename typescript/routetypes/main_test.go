package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunRoutetypes(t *testing.T) {
	const routes = "./testdata/routes"
	file := filepath.Join(t.TempDir(), "api.ts")
	for _, c := range []struct {
		why  string
		args []string
		code int
		out  string // somewhere in standard output, or in the file
		err  string // somewhere in standard error
	}{
		{"a handler", []string{routes + ".Handler"}, 0, `"GET /api/posts/[id]": {`, ""},
		{"a map of patterns, into a file", []string{"-o", file, "-types-only", routes + ".Mux"}, 0, `"PUT /api/posts/[id]": {`, ""},
		{"an error of the function", []string{routes + ".Fails"}, 1, "", "no routes today"},
		{"another type", []string{routes + ".Number"}, 1, "", "returns a int"},
		{"no such function", []string{routes + ".Missing"}, 1, "", "undefined: target.Missing"},
		{"no such package", []string{"./testdata/nothing.Routes"}, 1, "", "nothing"},
		{"a program", []string{"../routetypes.Routes"}, 1, "", "cannot be imported"},
		{"this folder", []string{"..Routes"}, 1, "", "cannot be imported"},
		{"no package", []string{".Routes"}, 2, "", "routetypes: \".Routes\" names no package; the one of this folder is \"..Routes\"\nusage"},
		{"not exported", []string{routes + ".handler"}, 2, "", "routetypes: \"./testdata/routes.handler\" does not end in the name of an exported function, such as .Routes\nusage"},
		{"no function", []string{"routes"}, 2, "", "\"routes\" does not end in"},
		{"nothing", nil, 2, "", "routetypes: want one function, got 0 arguments\nusage"},
		{"help", []string{"-h"}, 0, "", "usage"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if c.code == 0 && len(c.args) > 1 && testing.Short() {
				t.Skip("compiles a program")
			}
			var stdout, stderr bytes.Buffer
			if code := run(c.args, &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, &stderr)
			}
			out := stdout.String()
			if len(c.args) > 0 && c.args[0] == "-o" {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				out = string(text)
			}
			if !strings.Contains(out, c.out) {
				t.Errorf("the output lacks %q:\n%s", c.out, out)
			}
			if !strings.Contains(stderr.String(), c.err) {
				t.Errorf("standard error lacks %q:\n%s", c.err, &stderr)
			}
		})
	}
}
