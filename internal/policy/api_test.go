package policy_test

import (
	"fmt"
	"go/ast"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The exported API of every package is recorded in testdata/api, one line for each
// name, so that every change to it shows in the review.

const (
	apiDir     = "internal/policy/testdata/api"
	apiCommand = "make api"
)

func TestAPI(t *testing.T) {
	tree := ourTree(t)
	if *update {
		updateAPI(t, tree)
	}
	for _, v := range checkAPI(tree) {
		t.Error(v)
	}
}

// checkAPI compares the exported API of every package with its golden file.
func checkAPI(t *policyTree) (found []violation) {
	dir := filepath.Join(t.root, apiDir)
	left := make(map[string]bool) // golden files without a package
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		left[e.Name()] = true
	}
	for _, p := range t.packages {
		api := apiText(p)
		if api == "" {
			continue
		}
		if p.path == "." {
			found = append(found, violation{p.path, "the root package is documentation; export names from a package of their own:\n" + api})
			continue
		}
		name := apiFile(p)
		delete(left, name)
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			found = append(found, violation{p.path, fmt.Sprintf("a new API; read it once more, then: %s", apiCommand)})
			continue
		}
		if d := lineDiff(string(want), api); d != "" {
			found = append(found, violation{p.path, fmt.Sprintf("the API changed; if it is meant to: %s\n%s", apiCommand, d)})
		}
	}
	for _, e := range entries {
		if left[e.Name()] {
			found = append(found, violation{apiDir + "/" + e.Name(), fmt.Sprintf("the API of no package; if it is meant to be gone: %s", apiCommand)})
		}
	}
	return found
}

func updateAPI(t *testing.T, tree *policyTree) {
	dir := filepath.Join(tree.root, apiDir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, p := range tree.packages {
		if api := apiText(p); api != "" && p.path != "." {
			if err := os.WriteFile(filepath.Join(dir, apiFile(p)), []byte(api), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func apiFile(p *policyPackage) string {
	return strings.ReplaceAll(p.path, "/", "_") + ".txt"
}

func apiText(p *policyPackage) string {
	lines := apiLines(p)
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// apiLines returns a sorted line for each exported name of a public package: functions
// and methods with their signatures, types with a line for each exported field or
// method.
func apiLines(p *policyPackage) (lines []string) {
	if !p.public() {
		return nil
	}
	add := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	for _, f := range p.built() {
		for _, decl := range f.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				addFunc(add, decl)
			case *ast.GenDecl:
				switch decl.Tok {
				case token.CONST, token.VAR:
					addValues(add, decl)
				case token.TYPE:
					for _, spec := range decl.Specs {
						addType(add, spec.(*ast.TypeSpec))
					}
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func addFunc(add func(string, ...any), decl *ast.FuncDecl) {
	if !decl.Name.IsExported() {
		return
	}
	receiver := ""
	if decl.Recv != nil {
		if !token.IsExported(receiverName(decl)) {
			return
		}
		receiver = "(" + source(decl.Recv.List[0].Type) + ") "
	}
	signature := strings.TrimPrefix(source(decl.Type), "func")
	add("func %s%s%s", receiver, decl.Name.Name, signature)
}

// addValues writes a constant or variable with its type and value, as declared: an
// implied iota stays implied.
func addValues(add func(string, ...any), decl *ast.GenDecl) {
	var implied ast.Expr
	for _, spec := range decl.Specs {
		spec := spec.(*ast.ValueSpec)
		typ := spec.Type
		if decl.Tok == token.CONST {
			if typ == nil && len(spec.Values) == 0 {
				typ = implied
			}
			implied = typ
		}
		for i, name := range spec.Names {
			if !name.IsExported() {
				continue
			}
			line := decl.Tok.String() + " " + name.Name
			if typ != nil {
				line += " " + source(typ)
			}
			if i < len(spec.Values) {
				line += " = " + source(spec.Values[i])
			}
			add("%s", line)
		}
	}
}

func addType(add func(string, ...any), spec *ast.TypeSpec) {
	if !spec.Name.IsExported() {
		return
	}
	name := spec.Name.Name
	head := "type " + name
	if spec.TypeParams != nil {
		// The printer supports type parameters only as part of a function.
		fn := source(&ast.FuncType{TypeParams: spec.TypeParams, Params: &ast.FieldList{}})
		head += strings.TrimSuffix(strings.TrimPrefix(fn, "func"), "()")
	}
	if spec.Assign.IsValid() {
		head += " ="
	}
	var members *ast.FieldList
	switch typ := spec.Type.(type) {
	case *ast.StructType:
		add("%s struct", head)
		members = typ.Fields
	case *ast.InterfaceType:
		add("%s interface", head)
		members = typ.Methods
	default:
		add("%s %s", head, source(typ))
		return
	}
	for _, m := range members.List {
		typ := source(m.Type)
		if _, ok := spec.Type.(*ast.InterfaceType); ok && len(m.Names) > 0 {
			typ = strings.TrimPrefix(typ, "func")
		} else {
			typ = " " + typ
		}
		tag := ""
		if m.Tag != nil {
			tag = " " + m.Tag.Value
		}
		if len(m.Names) == 0 {
			add("type %s,%s%s", name, typ, tag)
		}
		for _, n := range m.Names {
			if n.IsExported() {
				add("type %s, %s%s%s", name, n.Name, typ, tag)
			}
		}
	}
}

// source prints a syntax node, without comments.
func source(node ast.Node) string {
	var b strings.Builder
	if err := printer.Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return b.String()
}
