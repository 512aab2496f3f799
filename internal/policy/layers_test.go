package policy_test

import "go/ast"

// checkLayers keeps middleware transparent: the result of a func(http.Handler)
// http.Handler has a method Unwrap that returns the handler inside, for pattern.Walk.
// An http.HandlerFunc cannot have one.
func checkLayers(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if !p.library() {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f.File, func(n ast.Node) bool {
				var typ *ast.FuncType
				var body *ast.BlockStmt
				switch n := n.(type) {
				case *ast.FuncDecl:
					typ, body = n.Type, n.Body
				case *ast.FuncLit:
					typ, body = n.Type, n.Body
				}
				if body == nil || !isHandler(f, typ.Params) || !isHandler(f, typ.Results) {
					return true
				}
				ast.Inspect(body, func(n ast.Node) bool {
					switch n := n.(type) {
					case *ast.FuncLit:
						return false // its return statements are its own
					case *ast.ReturnStmt:
						for _, result := range n.Results {
							if call, ok := result.(*ast.CallExpr); ok && qualified(f, call.Fun) == "net/http.HandlerFunc" {
								found = append(found, violation{t.at(n.Pos()), "middleware that hides the handler inside: return layer.New(next, serve)"})
							}
						}
					}
					return true
				})
				return true
			})
		}
	}
	return found
}

// isHandler reports whether a list of parameters or results is one http.Handler.
func isHandler(f *policyFile, list *ast.FieldList) bool {
	return list != nil && list.NumFields() == 1 && qualified(f, list.List[0].Type) == "net/http.Handler"
}
