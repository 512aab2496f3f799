package policy_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// logMethods are the methods of a *slog.Logger that write a record, with the position of
// the message among their arguments.
var logMethods = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// checkMessages requires that the message of every log record begins with "apiece: ", so
// that a service finds the records of the kit among its own. The adapters are checked
// too. Methods are known by their names and by a constant string where the message is:
// slog.Logger is usually the result of a call.
func checkMessages(t *policyTree) (found []violation) {
	const prefix = "apiece: "
	for _, dir := range t.nested {
		if !under(dir, "adapters") {
			continue
		}
		adapter, err := loadPolicyTree(filepath.Join(t.root, dir))
		if err != nil {
			return []violation{{dir, err.Error()}}
		}
		adapter.nested = nil
		for _, v := range checkMessages(adapter) {
			found = append(found, violation{dir + "/" + v.where, v.what})
		}
	}
	for _, p := range t.packages {
		if !p.library() {
			continue
		}
		constants := stringConstants(p)
		for _, f := range p.files {
			ast.Inspect(f.File, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				i, ok := logMethods[method.Sel.Name]
				if name := qualified(f, method); !ok || i >= len(call.Args) || name != "" && name != "log/slog."+method.Sel.Name {
					return true
				}
				if message, ok := beginning(call.Args[i], constants); ok && !strings.HasPrefix(message, prefix) {
					found = append(found, violation{t.at(call.Args[i].Pos()), fmt.Sprintf("log message %q: begin it with %q", message, prefix)})
				}
				return true
			})
		}
	}
	return found
}

// beginning returns the constant string that e begins with.
func beginning(e ast.Expr, constants map[string]string) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.Ident:
		text, ok = constants[e.Name]
	case *ast.BinaryExpr:
		return beginning(e.X, constants)
	case *ast.ParenExpr:
		return beginning(e.X, constants)
	}
	return text, ok
}

// stringConstants returns the constants of a package, in any scope, that are a string.
func stringConstants(p *policyPackage) map[string]string {
	constants := make(map[string]string)
	for _, f := range p.files {
		ast.Inspect(f.File, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok || decl.Tok != token.CONST {
				return true
			}
			for _, spec := range decl.Specs {
				spec := spec.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if i < len(spec.Values) {
						if text, ok := beginning(spec.Values[i], nil); ok {
							constants[name.Name] = text
						}
					}
				}
			}
			return true
		})
	}
	return constants
}
