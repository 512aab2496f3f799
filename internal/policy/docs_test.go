package policy_test

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/token"
	"path"
	"slices"
	"strings"
)

// checkPackageDocs checks package comments beyond ST1000 of staticcheck: there is no
// second one, since it would be appended to the first; commands have one; and in
// packages that users import it ends with the differences from Next.js.
func checkPackageDocs(t *policyTree) (found []violation) {
	const differences = "Differences from Next.js"
	for _, p := range t.packages {
		if len(p.files) == 0 {
			continue
		}
		var text string
		var at token.Pos
		for _, f := range p.files {
			if f.Doc.Text() == "" {
				continue
			}
			if text != "" {
				found = append(found, violation{t.at(f.Doc.Pos()), "a second package comment: put an empty line between it and the package clause"})
				continue
			}
			text, at = f.Doc.Text(), f.Doc.Pos()
		}
		if begin := "Command " + path.Base(p.path) + " "; p.files[0].Name.Name == "main" && !strings.HasPrefix(strings.ReplaceAll(text, "\n", " "), begin) {
			found = append(found, violation{p.path, fmt.Sprintf("begin the comment of the command with %q", begin)})
		}
		if text != "" && p.public() && p.path != "." && lastHeading(text) != differences {
			found = append(found, violation{t.at(at), fmt.Sprintf("end the package comment with a section %q", "# "+differences)})
		}
	}
	return found
}

func lastHeading(text string) (heading string) {
	for line := range strings.Lines(text) {
		if after, ok := strings.CutPrefix(line, "# "); ok {
			heading = strings.TrimSpace(after)
		}
	}
	return heading
}

// checkDocs requires a comment on every exported name of the public packages, except
// the methods that errors have by convention. Adjacent constants and variables share
// the comment above the first. A block of struct fields needs one comment; but in a
// Config every field does, since each is a setting with a default, a unit and an effect
// of its own.
func checkDocs(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if !p.public() {
			continue
		}
		missing := func(pos token.Pos, format string, args ...any) {
			found = append(found, violation{t.at(pos), "write a comment for " + fmt.Sprintf(format, args...)})
		}
		for _, f := range p.built() {
			for _, decl := range f.Decls {
				switch decl := decl.(type) {
				case *ast.FuncDecl:
					name := decl.Name.Name
					if decl.Recv != nil {
						receiver := receiverName(decl)
						if !token.IsExported(receiver) || name == "Error" || name == "Unwrap" {
							continue
						}
						name = receiver + "." + name
					}
					if decl.Name.IsExported() && decl.Doc.Text() == "" {
						missing(decl.Pos(), "%s", name)
					}
				case *ast.GenDecl:
					checkGenDecl(t, decl, missing)
				}
			}
		}
	}
	return found
}

func checkGenDecl(t *policyTree, decl *ast.GenDecl, missing func(token.Pos, string, ...any)) {
	shared := false // the comment above, by the adjacent lines below
	last := 0
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			shared = spec.Doc.Text() != "" || shared && t.line(spec.Pos()) == last+1
			last = t.line(spec.End())
			for _, name := range spec.Names {
				if name.IsExported() && !shared && decl.Doc.Text() == "" && spec.Comment.Text() == "" {
					missing(name.Pos(), "%s", name.Name)
				}
			}
		case *ast.TypeSpec:
			name := spec.Name.Name
			if !spec.Name.IsExported() {
				continue
			}
			if spec.Doc.Text() == "" && (decl.Doc.Text() == "" || decl.Lparen.IsValid()) {
				missing(spec.Pos(), "%s", name)
			}
			switch typ := spec.Type.(type) {
			case *ast.StructType:
				checkFields(t, name, typ.Fields.List, strings.HasSuffix(name, "Config"), missing)
			case *ast.InterfaceType:
				checkFields(t, name, typ.Methods.List, true, missing)
			}
		}
	}
}

// checkFields checks the fields of a struct or the methods of an interface: each one,
// or else each block of them. Embedded types have comments of their own.
func checkFields(t *policyTree, typeName string, fields []*ast.Field, each bool, missing func(token.Pos, string, ...any)) {
	for len(fields) > 0 {
		n := 1
		for !each && n < len(fields) && t.line(fields[n].Pos()) == t.line(fields[n-1].End())+1 {
			n++
		}
		block := fields[:n]
		fields = fields[n:]
		if slices.ContainsFunc(block, func(f *ast.Field) bool { return f.Doc.Text() != "" || f.Comment.Text() != "" }) {
			continue
		}
		for _, field := range block {
			for _, name := range field.Names {
				if name.IsExported() {
					missing(name.Pos(), "%s.%s", typeName, name.Name)
				}
			}
		}
	}
}

func receiverName(decl *ast.FuncDecl) string {
	typ := decl.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

// checkExamples requires an example with an Output comment, which go test runs, for
// every package with an exported name.
func checkExamples(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if p.path == "." || len(apiLines(p)) == 0 {
			continue
		}
		runs := false
		for _, f := range p.tests {
			for _, e := range doc.Examples(f.File) {
				runs = runs || e.Output != "" || e.EmptyOutput
			}
		}
		if !runs {
			found = append(found, violation{p.path, "write an example with an // Output comment, in example_test.go"})
		}
	}
	return found
}
