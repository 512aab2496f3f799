package policy_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The policies are the rules of this module that no package can check by itself: which
// way imports point, that every name is documented, what go.mod may require. Each is a
// function from the parsed source of a module to its violations, so that the same
// function runs over this module, where it must find nothing, and over testdata/broken,
// where it must find what testdata/broken.txt lists.
//
// They read source, not types: the type checker would need the dependencies, and would
// be slower than all of them together. What vet or staticcheck finds is left to those;
// the Makefile says which checks run.

// root is the root of the module, relative to here.
const root = "../.."

const modulePath = "github.com/apiece/apiece"

var update = flag.Bool("update", false, "write the golden files of the exported API and of the policies")

var policies = []struct {
	name  string
	check func(*policyTree) []violation
}{
	{"imports", checkImports},
	{"gomod", checkGoMod},
	{"package-docs", checkPackageDocs},
	{"docs", checkDocs},
	{"examples", checkExamples},
	{"variables", checkVariables},
	{"process", checkProcess},
	{"cors", checkCORS},
	{"messages", checkMessages},
	{"layers", checkLayers},
	{"length", checkLength},
	{"api", checkAPI},
}

func TestPolicy(t *testing.T) {
	tree := ourTree(t)
	for _, p := range policies {
		if p.name == "api" {
			continue // TestAPI, which can also update
		}
		t.Run(p.name, func(t *testing.T) {
			for _, v := range p.check(tree) {
				t.Error(v)
			}
		})
	}
}

// TestPolicyCanFail runs every policy over a module that violates all of them.
func TestPolicyCanFail(t *testing.T) {
	const golden = "testdata/broken.txt"
	tree, err := loadPolicyTree("testdata/broken")
	if err != nil {
		t.Fatal(err)
	}
	tree.lineLimit = 70
	tree.variables = map[string]string{"middleware.listed": "a reason", "middleware.gone": "no reason any more"}
	var got bytes.Buffer
	for _, p := range policies {
		violations := p.check(tree)
		if len(violations) == 0 {
			t.Errorf("policy %s finds nothing in %s", p.name, tree.root)
		}
		for _, v := range violations {
			fmt.Fprintf(&got, "%s: %s\n", p.name, v)
		}
	}
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := lineDiff(string(want), got.String()); d != "" {
		t.Errorf("the policies do not find what %s lists (- missing, + not listed):\n%s", golden, d)
	}
}

// A violation is a place that violates a policy, and how to fix it.
type violation struct {
	where string // file:line, or a file, or a package
	what  string
}

func (v violation) String() string { return v.where + ": " + v.what }

// A policyTree is the source of one module.
type policyTree struct {
	root      string
	fset      *token.FileSet
	packages  []*policyPackage // sorted by path
	nested    []string         // directories of nested modules
	lineLimit int
	variables map[string]string // see variables
}

type policyPackage struct {
	path  string // below the module; "." is the root
	files []*policyFile
	tests []*policyFile
}

type policyFile struct {
	*ast.File
	name  string // below the module
	lines int
	built bool // part of the build on linux/amd64
}

// public reports whether users import the package.
func (p *policyPackage) public() bool {
	return len(p.files) > 0 && !p.internal() && !p.example() && !p.command()
}

func (p *policyPackage) internal() bool { return under(p.path, "internal") }
func (p *policyPackage) example() bool  { return under(p.path, "examples") }

// command reports whether the package is a program that prints the findings of the
// package above it: pattern/nextfs/nextroutes.
func (p *policyPackage) command() bool {
	return len(p.files) > 0 && p.files[0].Name.Name == "main" && !p.example()
}

// library reports whether the package ends up in the services of users. The examples,
// the commands and packages imported only by tests do not.
func (p *policyPackage) library() bool {
	return len(p.files) > 0 && !p.example() && !p.command() && !p.suite() && p.path != "internal/testkit"
}

// suite reports whether the package has tests for implementations of the package around
// it: stream/hub/backplanetest for stream/hub.
func (p *policyPackage) suite() bool {
	return path.Dir(p.path) != "." && strings.HasSuffix(p.path, "test")
}

// built returns the files of the package on the platform of the policies: of two
// versions with build tags, one.
func (p *policyPackage) built() (files []*policyFile) {
	for _, f := range p.files {
		if f.built {
			files = append(files, f)
		}
	}
	return files
}

func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func (t *policyTree) at(pos token.Pos) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

func (t *policyTree) line(pos token.Pos) int { return t.fset.Position(pos).Line }

// has reports whether the module has the package.
func (t *policyTree) has(path string) bool {
	return slices.ContainsFunc(t.packages, func(p *policyPackage) bool { return p.path == path })
}

var ours = sync.OnceValues(func() (*policyTree, error) { return loadPolicyTree(root) })

// ourTree returns the source of this module.
func ourTree(t *testing.T) *policyTree {
	t.Helper()
	tree, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// loadPolicyTree parses the Go files of the module at root, except those of nested
// modules, in testdata, and in directories that the go command ignores.
func loadPolicyTree(root string) (*policyTree, error) {
	platform := build.Default
	platform.GOOS, platform.GOARCH = "linux", "amd64"
	tree := &policyTree{root: root, fset: token.NewFileSet(), lineLimit: 450, variables: variables}
	packages := make(map[string]*policyPackage)

	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_') {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && name != "." {
				tree.nested = append(tree.nested, name)
				return filepath.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		// Positions report the name given here: it is the same wherever the module is.
		syntax, err := parser.ParseFile(tree.fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		built, err := platform.MatchFile(filepath.Dir(file), filepath.Base(file))
		if err != nil {
			return err
		}
		p := packages[path.Dir(name)]
		if p == nil {
			p = &policyPackage{path: path.Dir(name)}
			packages[p.path] = p
			tree.packages = append(tree.packages, p)
		}
		f := &policyFile{syntax, name, bytes.Count(source, []byte("\n")), built}
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, f)
		} else {
			p.files = append(p.files, f)
		}
		return nil
	})
	slices.SortFunc(tree.packages, func(a, b *policyPackage) int { return strings.Compare(a.path, b.path) })
	return tree, err
}

// lineDiff returns the lines that only want has, after "- ", and those that only got
// has, after "+ ", in the order of the texts. It is empty if the texts have the same
// lines.
func lineDiff(want, got string) string {
	count := make(map[string]int)
	for line := range strings.Lines(got) {
		count[line]++
	}
	var b strings.Builder
	for line := range strings.Lines(want) {
		if count[line]--; count[line] < 0 {
			b.WriteString("- " + line)
		}
	}
	for line := range strings.Lines(got) {
		if count[line] > 0 {
			count[line]--
			b.WriteString("+ " + line)
		}
	}
	return b.String()
}
