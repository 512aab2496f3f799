package policy_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// variables are the package-level variables that no rule of checkVariables covers, as
// package.name, each with the reason why it is allowed.
var variables = map[string]string{
	"bodyparser/bind.binders":         "what reflection found out about a type, which is the same for everyone who asks",
	"internal/requestbody.pool":       "a pool of buffers: what one request leaves in them no other sees",
	"internal/requestbody.unbounded":  "whether a warning about how the program is put together was written, once for a process",
	"internal/response.buffers":       "a pool of buffers: what one response leaves in them no other sees",
	"internal/response.Step":          "nil except in tests, which choose with it the goroutine that continues",
	"middleware.never":                "a channel that is never closed and never sent to",
	"middleware.canceled":             "a context that has ended, and cannot change",
	"middleware.timers":               "a pool of timers: one that fires after it is put back does nothing",
	"internal/jsonread.anys":          "what reflection found out about a type, which is the same for everyone who asks",
	"internal/jsonread.numbers":       "an option of encoding/json/v2, which cannot change",
	"internal/jsonread.streams":       "a pool of decoders: what one request leaves in them no other sees",
	"internal/jsonread.strictStreams": "a pool of decoders: what one request leaves in them no other sees",
	"internal/jsonread.trees":         "a pool of buffers: what one request leaves in them no other sees",
	"internal/jsontext.texts":         "a pool of buffers: what one answer leaves in them no other sees",
	"internal/flush.buffers":          "a pool of buffers: what one event leaves in them no other sees",
	"stream/hub.passes":               "a pool of buffers: what one subscriber leaves in them no other sees",
	"typescript.client":               "an embedded file, which only the compiler sets",
	"middleware.headers":              "a pool of copies of request headers: one is put back only when no hook has seen it",
}

// immutable are functions whose result does not change.
var immutable = []string{
	"github.com/apiece/apiece/internal/flush.ClientGone",
	"net/netip.MustParseAddr", "net/netip.MustParsePrefix", "reflect.TypeFor",
	"regexp.MustCompile", "strings.NewReplacer", "time.Date", "time.Unix",
}

// checkVariables keeps state out of packages: two services in one process must not
// affect each other through this module, and its behavior must not depend on earlier
// imports or calls. There are no init functions, and a package-level variable is an
// error, an embedded file system, or unexported and either the result of an immutable
// function or a table that its package only reads.
func checkVariables(t *policyTree) (found []violation) {
	unused := maps.Clone(t.variables)
	for _, p := range t.packages {
		if !p.library() {
			continue
		}
		complain := func(pos token.Pos, format string, args ...any) {
			found = append(found, violation{t.at(pos), fmt.Sprintf(format, args...)})
		}
		written := writtenNames(p)
		for _, f := range p.files {
			for _, decl := range f.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					complain(fn.Pos(), "no init functions: do it in a constructor")
				}
				decl, ok := decl.(*ast.GenDecl)
				if !ok || decl.Tok != token.VAR {
					continue
				}
				for _, spec := range decl.Specs {
					spec := spec.(*ast.ValueSpec)
					for i, name := range spec.Names {
						key := p.path + "." + name.Name
						if delete(unused, key); t.variables[key] != "" || name.Name == "_" {
							continue
						}
						var value ast.Expr
						if i < len(spec.Values) {
							value = spec.Values[i]
						}
						if why := mutable(f, name, spec.Type, value, written); why != "" {
							complain(name.Pos(), "variable %s %s: pass the state around, or give the reason in the list of variables in internal/policy/code_test.go", name.Name, why)
						}
					}
				}
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(unused)) {
		if pkg := strings.TrimSuffix(key, path.Ext(key)); t.has(pkg) {
			found = append(found, violation{pkg, "has no variable " + key + ": take it off the list of variables in internal/policy/code_test.go"})
		}
	}
	return found
}

// mutable says how the variable may change, or "".
func mutable(f *policyFile, name *ast.Ident, typ, value ast.Expr, written map[string]bool) string {
	if written[name.Name] {
		return "is written to after its declaration"
	}
	if value == nil {
		if typ != nil && qualified(f, typ) == "embed.FS" {
			return ""
		}
		return "has no value"
	}
	sentinel := strings.HasPrefix(name.Name, "err")
	if id, ok := typ.(*ast.Ident); ok && id.Name == "error" {
		sentinel = sentinel || strings.HasPrefix(name.Name, "Err")
	}
	if unary, ok := value.(*ast.UnaryExpr); ok && sentinel && unary.Op == token.AND {
		value = unary.X
	}
	if method, ok := value.(*ast.SelectorExpr); ok {
		value = method.X // strings.NewReplacer("a", "b").Replace
	}
	switch value := value.(type) {
	case *ast.CallExpr:
		called := qualified(f, value.Fun)
		if called == "errors.New" || slices.Contains(immutable, called) && !name.IsExported() {
			return ""
		}
		if _, ok := value.Fun.(*ast.ArrayType); ok && !name.IsExported() {
			return "" // a conversion: []byte("text")
		}
	case *ast.CompositeLit:
		pkg, _, _ := strings.Cut(qualified(f, value.Type), ".")
		if sentinel || !name.IsExported() && pkg != "sync" && pkg != "sync/atomic" {
			return ""
		}
	case *ast.BasicLit:
		return "could be a constant"
	}
	if name.IsExported() {
		return "can be replaced by any package that imports it"
	}
	return "may hold something that changes"
}

// writtenNames returns the names that the package assigns to, takes the address of, or
// changes an element of, outside of declarations. Names are not resolved: a local
// variable that shadows a table counts as the table, and should have another name
// anyway.
func writtenNames(p *policyPackage) map[string]bool {
	names := make(map[string]bool)
	write := func(e ast.Expr) {
		for e != nil {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.Ident:
				names[x.Name] = true
				return
			default:
				return
			}
		}
	}
	for _, f := range p.files {
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						write(e)
					}
				}
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					write(n.Key)
					write(n.Value)
				}
			case *ast.IncDecStmt:
				write(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					write(n.X)
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"clear", "copy", "delete"}, fn.Name) {
					write(n.Args[0])
				}
			}
			return true
		})
	}
	return names
}

// forbidden are the names that only the owner of the process may use, by import path,
// with the alternative. A name that ends in * is a prefix.
var forbidden = map[string]map[string]string{
	"net/http": {
		"DefaultServeMux": "take a *http.ServeMux",
		"Handle":          "take a *http.ServeMux",
		"HandleFunc":      "take a *http.ServeMux",
		"ListenAndServe*": "be an http.Handler",
		"Serve":           "be an http.Handler",
		"ServeTLS":        "be an http.Handler",
		"Server":          "be an http.Handler",
	},
	"os":        {"Exit": "return an error"},
	"os/signal": {"*": "take a context, or have a Shutdown method"},
	"log":       {"Fatal*": "return an error", "Panic*": "return an error", "Set*": "take a *slog.Logger"},
	"log/slog":  {"SetDefault": "take a *slog.Logger"},
}

// checkProcess keeps this module out of the host's responsibilities: the server, the
// mux, the signals, the exit and the log. It may read the settings of the server in the
// context of a request.
func checkProcess(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if !p.library() {
			continue
		}
		for _, f := range p.files {
			asserted := make(map[ast.Expr]bool)
			ast.Inspect(f.File, func(n ast.Node) bool {
				if assertion, ok := n.(*ast.TypeAssertExpr); ok {
					if pointer, ok := assertion.Type.(*ast.StarExpr); ok {
						asserted[pointer.X] = true
					}
				}
				selector, ok := n.(*ast.SelectorExpr)
				if !ok || asserted[selector] {
					return true
				}
				name := selector.Sel.Name
				pkg := strings.TrimSuffix(qualified(f, selector), "."+name)
				for pattern, instead := range forbidden[pkg] {
					prefix, all := strings.CutSuffix(pattern, "*")
					if name == pattern || all && strings.HasPrefix(name, prefix) {
						found = append(found, violation{t.at(n.Pos()), fmt.Sprintf("%s.%s is the host's business: %s", path.Base(pkg), name, instead)})
					}
				}
				return true
			})
		}
	}
	return found
}

// checkCORS keeps Access-Control headers out: the CORS middleware decides which origins
// may read a response, and a second decision opens holes.
func checkCORS(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if !p.library() {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f.File, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if ok && lit.Kind == token.STRING && strings.Contains(strings.ToLower(lit.Value), "access-control-") {
					found = append(found, violation{t.at(n.Pos()), "no piece sends an Access-Control header; leave it to a CORS middleware"})
				}
				return true
			})
		}
	}
	return found
}

// checkLength limits the length of files.
func checkLength(t *policyTree) (found []violation) {
	for _, p := range t.packages {
		if p.example() {
			continue
		}
		for _, f := range p.files {
			if f.lines > t.lineLimit {
				found = append(found, violation{f.name, fmt.Sprintf("%d lines, more than %d: split it where a second idea begins", f.lines, t.lineLimit)})
			}
		}
	}
	return found
}

// qualified returns the import path and the name of an identifier of another package,
// such as net/http.Server, or "".
func qualified(f *policyFile, e ast.Expr) string {
	if index, ok := e.(*ast.IndexExpr); ok {
		e = index.X // an instance of a generic function
	}
	selector, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := selector.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(imported)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if name == x.Name {
			return imported + "." + selector.Sel.Name
		}
	}
	return ""
}
