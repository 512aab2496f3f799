package nextfs

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// methods are the names that Next.js looks for in a route handler.
var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut,
}

// moduleOf reads what a module says of its exports. Of the methods it finds, if
// unknown is not empty, there may be more, or other ones: it says why.
//
// It looks for export declarations outside of all brackets, and reads their
// names. That is all a module says about its exports, save for three things:
// what "export *" stands for is in another module, CommonJS modules assign
// their exports as they run, and a name that stands for a type only is no
// export, which can be seen where it is exported only if it says "type".
//
// If constants is set, it also reads what its constants stand for.
func moduleOf(src string, jsx, constants bool) *module {
	src = plainSpace(src)
	m := readModule(src, jsx, constants)
	if jsx && (m.err != nil || m.doubt) {
		// What seemed to be an element may have been something else.
		plain := readModule(src, false, constants)
		switch both := common(m.found, plain.found); {
		case m.err != nil:
			m = plain
		case plain.err != nil, len(both) < max(len(m.found), len(plain.found)):
			m.found, m.failed = both, "an export in what seems to be an element"
		}
	}
	switch {
	case m.err != nil:
		m.failed = m.err.Error()
	case m.unknown == "" && m.failed == "" && m.commonJS && !m.isModule:
		m.failed = "a CommonJS module"
	}
	m.unknown = cmp.Or(m.failed, m.unknown)
	m.lexer = lexer{} // and with it the text
	return m
}

// plainSpace spells the white space of JavaScript in ASCII: a carriage return
// and the separators of Unicode end a line, and the no-break space that comes
// with code from a web page is a space.
func plainSpace(src string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\r':
			return '\n'
		case c == '\u2028', c == '\u2029':
			return separator
		case c == '\ufeff', c > unicode.MaxASCII && unicode.Is(unicode.Zs, c):
			return ' '
		}
		return c
	}, strings.ReplaceAll(src, "\r\n", "\n"))
}

// A module reads the declarations of a module.
type module struct {
	lexer
	found    []string
	stars    []string // modules of which everything is exported
	unknown  string
	isModule bool   // whether it has an import or an export
	failed   string // why it was not read to its end, or not as a module
	mentions bool   // whether there is the name of a setting in it
	names           // what its settings may be made of
}

// readModule reads a module, and what it finds in order, each once.
func readModule(src string, jsx, constants bool) *module {
	m := &module{lexer: lexer{src: src, jsx: jsx}}
	if constants {
		m.names = names{constants: map[string]value{}, exported: map[string]origin{}, imported: map[string]origin{}}
	}
	m.read()
	slices.Sort(m.found)
	m.found = slices.Compact(m.found)
	return m
}

func common(a, b []string) (both []string) {
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

func (m *module) read() {
	m.next()
	for m.kind != endToken {
		if m.word("export") {
			m.isModule = true
			m.next()
			m.export()
			continue // with the token that the declaration did not take
		}
		imports := m.word("import")
		m.note()
		m.step()
		m.isModule = m.isModule || imports && !m.is("(") // which CommonJS has as well
	}
}

func (m *module) add(name string) { m.addFrom(name, origin{name: name}) }

// addFrom adds an export, and where it comes from.
func (m *module) addFrom(name string, from origin) {
	switch {
	case slices.Contains(methods, name):
		m.found = append(m.found, name)
	case m.exported != nil && slices.Contains(settingNames, name):
		m.exported[name] = from
	}
}

// export reads what follows the word, and ends before a token that it does not
// need.
func (m *module) export() {
	switch {
	case m.is("{"):
		m.list()
	case m.is("*"):
		m.star()
	case m.is("="):
		m.unknown = "export ="
	case m.is("@"):
		for m.kind != endToken && !m.is(";") && !m.word("class") && !m.word("abstract") && !m.word("default") {
			m.step()
		}
		m.export()
	case m.word("const"), m.word("let"), m.word("var"):
		constant := m.word("const")
		m.next()
		if m.word("enum") {
			m.export()
			return
		}
		m.declarators(constant)
	case m.word("import"), m.word("namespace"), m.word("module"):
		// What it stands for may be a value or a type.
		declared := m.text
		if m.next(); m.kind == nameToken && slices.Contains(methods, m.text) {
			m.unknown = "export " + declared + " " + m.text
		}
	case m.word("async"), m.word("abstract"):
		m.next()
		if m.word("function") || m.word("class") {
			m.export()
		}
	case m.word("function"), m.word("class"), m.word("enum"):
		m.next()
		if m.is("*") {
			m.next()
		}
		if m.kind == nameToken {
			m.add(m.text)
		}
	case m.kind == nameToken && slices.Contains([]string{"as", "declare", "default", "interface", "type"}, m.text):
		// For the compiler only, or no export of a method.
	default:
		m.unknown = strings.TrimSpace("export " + m.text)
	}
}

// list reads { a, b as c, type d }, and from "module".
func (m *module) list() {
	from := m.from()
	m.each(func(name, as string) { m.addFrom(as, origin{from, name}) })
}

// each reads the names of a list in braces, save those that are for the compiler
// only: "type a" and "type a as b".
func (m *module) each(visit func(name, as string)) {
	var words []string
	for m.next(); m.kind != endToken; m.next() {
		switch {
		case m.kind == stringToken && strings.Contains(m.text, "\\"):
			m.fail("an escape in a name")
		case m.kind == nameToken, m.kind == stringToken:
			words = append(words, m.text)
		case m.is(","), m.is("}"):
			if n := len(words); n == 1 || n == 3 {
				visit(words[0], words[n-1])
			}
			words = words[:0]
			if m.is("}") {
				m.next()
				return
			}
		default:
			m.fail("%s in a list of exports", m.text)
		}
	}
	m.fail("} is missing")
}

// star reads * from "module", or * as name.
func (m *module) star() {
	m.next()
	as := m.word("as")
	m.next()
	switch {
	case as && strings.Contains(m.text, "\\"):
		m.fail("an escape in a name")
	case as:
		m.add(m.text)
	case m.kind == stringToken:
		m.stars = append(m.stars, m.text)
	}
}

// declarators reads what const declares: a = 1, { b, c: [d] } = e, and so on.
// It ends at the first token behind, where a line ends if no semicolon does.
//
// A comma may also separate type arguments, f<A, B>(c), which only what comes
// after it tells. What is declared has an initialiser or a type, though, and
// what looks like an argument is taken for a part of the expression before it.
// A variable may do without either: whether it is assigned a value further on
// is not found out.
func (m *module) declarators(constant bool) {
	for {
		before, name := len(m.found), m.text
		if m.kind != nameToken {
			name = ""
		}
		m.bind()
		typed := m.is(":") || m.is("!")
		if m.is("!") {
			m.next()
		}
		if m.is(":") {
			m.annotation()
		}
		if !m.is("=") && !(typed && constant) {
			if names := m.found[before:]; len(names) > 0 && !constant && (typed || m.is(",") || m.statementEnds()) {
				m.unknown = names[0] + " is declared without a value"
			}
			m.found = m.found[:before]
		}
		m.declared(name, constant)
		for !m.statementEnds() && !m.is(",") {
			m.step()
		}
		if !m.is(",") {
			return
		}
		m.next()
	}
}

// pattern reads { a, b: c = 1, [d]: e, ...f } or [a, , b = 1].
func (m *module) pattern() {
	if m.depth++; m.depth > maxDepth {
		m.fail("patterns are nested too deep")
		return
	}
	object, closer := true, "}"
	if m.is("[") {
		object, closer = false, "]"
	}
	m.next()
	for !m.is(closer) && m.kind != endToken {
		if m.is(",") || m.is("...") {
			m.next()
			continue
		}
		if object {
			m.member()
		} else {
			m.bind()
		}
		for !m.is(",") && !m.is(closer) && m.kind != endToken {
			m.step() // the default
		}
	}
	if m.kind == endToken {
		m.fail("%s is missing", closer)
	}
	m.depth--
	m.next()
}

// member reads a, b: c or [d]: e in the pattern of an object.
func (m *module) member() {
	key, name := m.text, m.kind == nameToken
	m.step()
	switch {
	case m.is(":"):
		m.next()
		m.bind()
	case name:
		m.add(key)
	}
}

// bind reads a name or a pattern. Anything else is not for it to complain
// about: there is a compiler for that.
func (m *module) bind() {
	switch {
	case m.kind == nameToken:
		m.add(m.text)
		m.next()
	case m.is("{"), m.is("["):
		m.pattern()
	}
}

// annotation reads the type behind a colon, where "<" never begins an element.
func (m *module) annotation() {
	jsx := m.jsx
	m.jsx = false
	for m.next(); !m.statementEnds() && !m.is("=") && !m.is(","); m.step() {
	}
	m.jsx = jsx
}

// step goes on to the next token that is in no brackets.
func (m *module) step() {
	if m.closes() {
		m.fail("%s without its counterpart", m.text)
		return
	}
	m.skip()
	m.next()
}

// statementEnds reports whether the token is not part of the expression before
// it: a semicolon, the end, or the first of a line where the expression can be
// complete and the token cannot carry it on.
func (m *module) statementEnds() bool {
	if m.kind == endToken || m.is(";") {
		return true
	}
	if m.kind == punctToken || m.word("in") || m.word("instanceof") || m.word("as") || m.word("satisfies") {
		return false
	}
	return m.newline && m.complete
}
