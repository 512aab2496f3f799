package nextfs

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// moduleOf reads the exports of a module. If unknown is not empty, it says why
// there may be more methods than those found, or others.
//
// It looks for export declarations outside of all brackets, and reads their
// names. This finds all exports of a module, with three exceptions: "export *"
// stands for exports of another module, CommonJS modules assign their exports
// at run time, and the name of a type is not an export, which is visible at the
// export only with the word "type".
//
// If constants is set, it also reads the values of constants.
func moduleOf(src string, jsx, constants bool) *module {
	src = plainSpace(src)
	m := readModule(src, jsx, constants)
	if jsx && (m.err != nil || m.doubt) {
		// What was read as an element may have been something else.
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

// plainSpace replaces the white space of JavaScript by ASCII: a carriage return
// and the Unicode separators end a line, and the no-break space that comes with
// code copied from a web page is a space.
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

// A module holds the declarations of a module.
type module struct {
	lexer
	found    []string
	stars    []string // modules that are exported with "export *"
	exported map[string]origin
	unknown  string
	isModule bool   // whether it has an import or an export
	failed   string // why it was not read to its end, or not as a module
	mentions bool   // whether the name of a setting occurs in it
	names           // constants and imports for its settings
}

// readModule reads a module and what it exports, in order, each once.
func readModule(src string, jsx, constants bool) *module {
	m := &module{lexer: lexer{src: src, jsx: jsx}}
	if constants {
		m.names = names{constants: map[string]value{}, imported: map[string]origin{}}
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
			continue // with the token after the declaration
		}
		imports := m.word("import")
		m.recordNames()
		m.step()
		m.isModule = m.isModule || imports && !m.is("(") // CommonJS has import() as well
	}
}

func (m *module) add(name string) { m.addFrom(name, origin{name: name}) }

// addFrom adds an export, and its origin.
func (m *module) addFrom(name string, from origin) {
	if m.exported == nil {
		m.exported = map[string]origin{}
	}
	m.exported[name] = from
	if slices.Contains(methodNames, name) {
		m.found = append(m.found, name)
	}
}

// export reads the declaration after the word, and ends before a token that is
// not part of it.
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
		// It may stand for a value or a type.
		declared := m.text
		if m.next(); m.kind != nameToken {
			break
		}
		if slices.Contains(methodNames, m.text) {
			m.unknown = "export " + declared + " " + m.text
		} else {
			m.add(m.text)
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
	case m.word("default"):
		m.add("default")
	case m.kind == nameToken && slices.Contains([]string{"as", "declare", "interface", "type"}, m.text):
		// For the compiler only, or not a method.
	default:
		m.unknown = strings.TrimSpace("export " + m.text)
	}
}

// list reads { a, b as c, type d }, and from "module".
func (m *module) list() {
	from := m.from()
	m.eachName(func(name, as string) { m.addFrom(as, origin{from, name}) })
}

// eachName reads the names of a list in braces, except types: "type a" and "type a
// as b".
func (m *module) eachName(visit func(name, as string)) {
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
// It ends at the first token after it: at a semicolon, or at the end of a line
// without one.
//
// A comma may also separate type arguments, f<A, B>(c), which only the
// following tokens show. But a declared name has an initializer or a type, and
// anything that looks like an argument is read as a part of the expression
// before it. A variable may have neither; a later assignment is not detected.
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
		m.recordConstant(name, constant)
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

// bind reads a name or a pattern. It does not report anything else: that is up
// to the compiler.
func (m *module) bind() {
	switch {
	case m.kind == nameToken:
		m.add(m.text)
		m.next()
	case m.is("{"), m.is("["):
		m.pattern()
	}
}

// annotation reads the type after a colon, where "<" never begins an element.
func (m *module) annotation() {
	jsx := m.jsx
	m.jsx = false
	for m.next(); !m.statementEnds() && !m.is("=") && !m.is(","); m.step() {
	}
	m.jsx = jsx
}

// step moves to the next token outside of brackets.
func (m *module) step() {
	if m.closes() {
		m.fail("%s without its counterpart", m.text)
		return
	}
	m.skip()
	m.next()
}

// statementEnds reports whether the token ends the expression before it: a
// semicolon, the end, or the first token of a line where the expression can be
// complete and the token cannot continue it.
func (m *module) statementEnds() bool {
	if m.kind == endToken || m.is(";") {
		return true
	}
	if m.kind == punctToken || m.word("in") || m.word("instanceof") || m.word("as") || m.word("satisfies") {
		return false
	}
	return m.newline && m.complete
}
