package policy_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checkGoMod limits go.mod to the dependencies, each under a comment that names it and
// says what it is for. It also keeps the modules of the repository consistent: the root
// has no replace directive, since that does not reach the users of a module, and every
// nested module is tested against this root.
func checkGoMod(t *policyTree) (found []violation) {
	root, err := readGoMod(t, "go.mod")
	if err != nil {
		return []violation{{"go.mod", err.Error()}}
	}
	complain := func(file string, line int, format string, args ...any) {
		found = append(found, violation{fmt.Sprintf("%s:%d", file, line), fmt.Sprintf(format, args...)})
	}

	required := make(map[string]bool)
	for _, r := range root {
		switch r.verb {
		case "require":
			if r.indirect {
				continue
			}
			required[r.module] = true
			i := slices.IndexFunc(dependencies, func(d dependency) bool { return d.module == r.module })
			if i < 0 {
				complain("go.mod", r.line, "%s is not a dependency of this module: do without, or move what needs it to a nested module", r.module)
				continue
			}
			if d := dependencies[i]; d.version != "" && d.version != r.version {
				complain("go.mod", r.line, "require %s at %s, not %s: %s", d.module, d.version, r.version, d.why)
			}
			if name := moduleName(r.module); !strings.Contains(r.comment, name) {
				complain("go.mod", r.line, "write a comment above it that names %s and says what it is for", name)
			}
		case "module":
			if r.module != modulePath {
				complain("go.mod", r.line, "module %s, want %s", r.module, modulePath)
			}
		case "go":
		default:
			complain("go.mod", r.line, "%s: of no effect for users; remove it, or put it in a nested module", r.verb)
		}
	}
	for _, d := range dependencies {
		if t.has(d.user) && !required[d.module] {
			complain("go.mod", 1, "%s is not required, though %s is there to use it: require it, or take it off the list of dependencies", d.module, d.user)
		}
	}
	if _, err := os.Stat(filepath.Join(t.root, "go.work")); err == nil {
		complain("go.work", 1, "remove it: nested modules find the root by a replace directive")
	}

	for _, dir := range t.nested {
		file := path.Join(dir, "go.mod")
		directives, err := readGoMod(t, file)
		if err != nil {
			found = append(found, violation{file, err.Error()})
			continue
		}
		up := strings.TrimSuffix(strings.Repeat("../", strings.Count(dir, "/")+1), "/")
		replaces := false
		for _, r := range directives {
			switch {
			case r.verb == "module" && r.module != modulePath+"/"+dir:
				complain(file, r.line, "module %s, want %s", r.module, modulePath+"/"+dir)
			case r.verb == "replace" && r.module == modulePath:
				replaces = true
				if to, ok := strings.CutPrefix(r.version, "=> "); !ok || path.Clean(to) != up {
					complain(file, r.line, "replace the root by %s", up)
				}
			}
		}
		if !replaces {
			complain(file, 1, "add: replace %s => %s", modulePath, up)
		}
	}
	return found
}

// A directive is one line of a go.mod file. In a replace directive the version is
// everything after the module.
type directive struct {
	verb, module, version string
	indirect              bool
	comment               string // of the lines above; adjacent lines share it
	line                  int
}

// readGoMod reads the format that "go mod tidy" writes.
func readGoMod(t *policyTree, name string) (directives []directive, err error) {
	data, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	var block, comment string
	afterComment := false
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		code, trailing, _ := strings.Cut(line, "//")
		fields := strings.Fields(code)
		switch {
		case line == "":
			comment = ""
			continue
		case len(fields) == 0:
			if !afterComment {
				comment = ""
			}
			comment += trailing
			afterComment = true
			continue
		case fields[0] == ")":
			block = ""
			continue
		case len(fields) > 1 && fields[1] == "(":
			block, comment = fields[0], ""
			continue
		}
		afterComment = false
		if block != "" {
			fields = append([]string{block}, fields...)
		}
		d := directive{verb: fields[0], comment: comment, line: number, indirect: strings.TrimSpace(trailing) == "indirect"}
		if len(fields) > 1 {
			d.module, d.version = fields[1], strings.Join(fields[2:], " ")
		}
		directives = append(directives, d)
	}
	return directives, nil
}

var majorVersion = regexp.MustCompile(`/v[0-9]+$`)

// moduleName is the common name of a module: validator.
func moduleName(module string) string {
	return path.Base(majorVersion.ReplaceAllString(module, ""))
}
