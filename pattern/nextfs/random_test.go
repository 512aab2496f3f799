package nextfs_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern/nextfs"
)

// A writer generates modules with the syntax that makes JavaScript hard to
// parse: slashes that divide and slashes that begin a regular expression, after
// every kind of brace, and quotes and brackets in regular expressions and
// elements.
type writer struct {
	*rand.Rand
	jsx      bool // whether there are elements
	exported []string
}

func (w *writer) pick(texts ...string) string { return texts[w.IntN(len(texts))] }

// gap is white space, sometimes with a comment.
func (w *writer) gap() string {
	return w.pick(" ", " ", " ", " ", "\n", "\n  ", " /* it's \" ` { */ ", " // it's ` } /\n", " /* a\n * b */ ")
}

func (w *writer) regexp() string {
	return w.pick("/a/", "/'/", "/\"/g", "/`/", "/[/'{]/", "/\\/(?:[)])/u", "/{/", "/}/", "/=>/", "/;/", "/,/", "/[\\]/]/y")
}

func (w *writer) expression(depth int) string {
	if depth <= 0 {
		return w.pick("a", "b", "1", "2.5", "'it\\'s'", `"{"`, "`}`", "this", "x.return", "y.class", "z.of", w.regexp())
	}
	e := func() string { return w.expression(depth - 1 - w.IntN(2)) }
	s := func() string { return w.statements(depth - 1) }
	if w.jsx && w.IntN(4) == 0 {
		return w.element(depth - 1)
	}
	switch w.IntN(19) {
	case 0:
		return "{ a: " + e() + ", b, [" + e() + "]: " + e() + ", 'c': " + e() + ", m() { " + s() + "}, get x() { " + s() + "} }"
	case 1:
		return "{}"
	case 2:
		return "[" + e() + ", " + e() + "]"
	case 3:
		return "(" + e() + ")"
	case 4:
		return w.pick("", "async ") + "function " + w.pick("", "f", "* g") + "(a = " + e() + ", { b, c: d = {} } = {}) { " + s() + "}"
	case 5:
		return "class " + w.pick("", "C ", "extends D ", "C extends f({}) ") + "{ m() { " + s() + "} static y = " + e() + "; static { " + s() + "} }"
	case 6:
		return "(" + w.pick("", "async ") + "(a = " + e() + ") => { " + s() + "})"
	case 7:
		return "(x => " + w.pick("({ a: "+e()+" })", e()) + ")"
	case 8:
		return "f(" + e() + ", " + e() + ")"
	case 9:
		return "x" + w.gap() + "/" + w.gap() + e()
	case 10, 11, 12:
		return "(" + e() + w.gap() + w.pick("/", "/", "/", "%", "<", ">", "&&", "??", "==", "instanceof", "in") + w.gap() + e() + ")"
	case 13:
		return "[" + e() + w.gap() + "/" + w.gap() + e() + "]"
	case 14:
		return w.pick("!", "-", "typeof ", "void ", "await ") + w.pick("a", "(b)", w.regexp(), "{}")
	case 15:
		return "(" + e() + " ? " + e() + " : " + e() + ")"
	case 16:
		return w.pick("x++", "--x", "new X("+e()+")", "a?.b["+e()+"]")
	case 17:
		return "`a${" + e() + "}'${ {} }`"
	}
	return w.regexp() + w.pick(".test(a)", ".source", ".source / 2")
}

func (w *writer) element(depth int) string {
	name := w.pick("p", "A.B", "x-y", "a:b", "")
	tag, children := name, ""
	if name != "" {
		for range w.IntN(3) {
			tag += w.pick("", "\n") + w.pick(` a="it's {"`, ` b='"`+"`"+`\n'`, " c", " d-e={"+w.expression(depth-1)+"}", " {...f}", " /* ' */ g", " h=<i/>")
		}
		if w.IntN(3) == 0 {
			return "<" + tag + w.pick("", " ") + "/>"
		}
	}
	for range w.IntN(4) {
		switch w.IntN(4) {
		case 0:
			children += "{" + w.pick(w.expression(depth-1), "/* it's */", "") + "}"
		case 1:
			if depth > 0 {
				children += w.element(depth - 1)
			}
		default:
			children += w.pick("it's", " \" ", "/ 2", "// no comment\n", "`", "(a)", "=> b", "\n export ", "/*")
		}
	}
	return "<" + tag + ">" + children + "</" + name + w.pick("", " ") + ">"
}

// statements ends in white space, or with a brace or a semicolon.
func (w *writer) statements(depth int) string {
	var b strings.Builder
	for range w.IntN(3) {
		b.WriteString(w.statement(depth) + w.pick(" ", "\n", "", w.gap()))
	}
	return b.String()
}

func (w *writer) statement(depth int) string {
	e := func() string { return w.expression(depth - 1) }
	s := func() string { return w.statement(depth - 1) }
	block := func() string { return "{" + w.gap() + w.statements(depth-1) + "}" }
	if depth <= 0 {
		return w.pick("a;", ";", "x = 1 / 2;", w.regexp()+".test(a);")
	}
	switch w.IntN(18) {
	case 0:
		return w.pick("const", "let", "var") + " v = " + e() + ";"
	case 1:
		return "x = " + e() + w.gap() + "/ 2;"
	case 2:
		return w.regexp() + ".test(" + e() + ");"
	case 3:
		return "if (" + e() + ") " + s() + " else " + s()
	case 4:
		return "if (" + e() + ") " + block()
	case 5:
		return "while (" + e() + ") " + w.pick(block(), w.regexp()+".test(a);")
	case 6:
		return "for (const x of " + e() + ") " + w.pick(block(), s())
	case 7:
		return "for await (const { x } of " + e() + ") " + w.pick(block(), w.regexp()+".test(a);")
	case 8:
		return block()
	case 9:
		return w.pick("", "async ") + "function f(a = " + e() + ") " + block()
	case 10:
		return "class C " + w.pick("", "extends D ") + "{ m() " + block() + " static x = " + e() + "; }"
	case 11:
		return "switch (" + e() + ") { case " + e() + ": " + s() + " default: " + s() + " }"
	case 12:
		return "try " + block() + " catch (e) " + block() + " finally " + block()
	case 13:
		return "do " + block() + " while (" + e() + ");"
	case 14:
		return "f(" + e() + ");"
	case 15:
		return "throw " + e() + ";"
	case 16:
		return "label: for (;;) " + block()
	}
	return "`${" + e() + "}`;"
}

// name returns an exported name.
func (w *writer) name() string {
	name := w.pick("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "dynamic", "x", "get")
	if name == strings.ToUpper(name) {
		w.exported = append(w.exported, name)
	}
	return name
}

func (w *writer) export() string {
	e := func() string { return w.expression(3) }
	switch w.IntN(8) {
	case 0:
		return "export const " + w.name() + " = " + e() + w.pick("", w.gap()+"/ 2") + ";"
	case 1:
		return "export const " + w.name() + " = " + e() + ", " + w.name() + " = " + e() + w.pick("", w.gap()+"/ 2") + ", " + w.name() + w.gap() + "=" + w.gap() + e() + ";"
	case 2:
		return "export " + w.pick("", "async ") + "function" + w.pick(" ", "* ") + w.name() + "(a = " + e() + ") { " + w.statements(3) + "}"
	case 3:
		return "export class " + w.name() + " { static y = " + e() + "; }"
	case 4:
		return "export { a as " + w.name() + ", b as default, c as '" + w.name() + "' };"
	case 5:
		return "export const { " + w.name() + ", a: " + w.name() + " = " + e() + ", [" + e() + "]: [" + w.name() + "] } = " + e() + ";"
	case 6:
		return "export let " + w.name() + " = " + e() + ";"
	}
	return "export default " + w.pick("("+e()+");", "["+e()+"];")
}

// TestExportedMethodsRandomModules: the exports of a module are found, or unknown, which is
// the exception.
func TestExportedMethodsRandomModules(t *testing.T) {
	w := &writer{Rand: rand.New(rand.NewPCG(3, 4))}
	modules, unknown := 20_000, 0
	if testkit.Race {
		modules = 2000
	}
	for i := range modules {
		w.exported, w.jsx = nil, i%2 == 0
		var b strings.Builder
		for range 1 + w.IntN(4) {
			b.WriteString(w.statements(3))
			b.WriteString(w.gap() + w.export() + w.pick("\n", " ", "", w.gap()))
		}
		b.WriteString(w.statements(3))
		slices.Sort(w.exported)
		want := slices.Compact(w.exported)
		got, why := nextfs.ExportedMethods(b.String(), w.jsx)
		if why != "" {
			unknown++
		} else if !slices.Equal(got, want) {
			t.Fatalf("%q of\n%s\nwant %q", got, b.String(), want)
		}
	}
	if t.Logf("%d of %d modules are unknown", unknown, modules); unknown > modules/1000 {
		t.Errorf("%d of %d modules are unknown", unknown, modules)
	}
}
