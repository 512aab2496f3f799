package nextfs

import (
	"net/http"
	"slices"
	"strings"
)

// methods are the names that Next.js looks for in a route handler.
var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodOptions,
	http.MethodPatch, http.MethodPost, http.MethodPut,
}

// exportedMethods returns the methods that a module exports, sorted. If there
// may be others, unknown says why.
//
// It looks for export declarations outside of all brackets, and reads their
// names. That is all a module says about its exports, save for three things:
// what "export *" stands for is in another module, CommonJS modules assign
// their exports as they run, and a name that stands for a type only is no
// export, which can be seen where it is exported only if it says "type".
func exportedMethods(src string, jsx bool) (found []string, unknown string) {
	m := module{lexer: lexer{src: src, jsx: jsx}}
	m.read()
	if m.err != nil && jsx {
		// What seemed to be an element may have been something else.
		m = module{lexer: lexer{src: src}}
		m.read()
	}
	slices.Sort(m.found)
	found = slices.Compact(m.found)
	switch {
	case m.err != nil:
		return found, m.err.Error()
	case m.unknown == "" && m.commonJS && !m.isModule:
		return found, "a CommonJS module"
	}
	return found, m.unknown
}

// A module reads the declarations of a module.
type module struct {
	lexer
	found    []string
	unknown  string
	isModule bool // whether it has an import or an export
}

func (m *module) read() {
	m.next()
	for m.kind != end {
		declares := m.kind == name && !m.property
		switch {
		case declares && m.text == "export":
			m.isModule = true
			m.next()
			m.export()
			continue // with the token that the declaration did not take
		case declares && m.text == "import":
			m.isModule = true
		case m.kind == punct && (m.text == ")" || m.text == "]" || m.text == "}"):
			m.fail("%s without its counterpart", m.text)
		}
		m.skip()
		m.next()
	}
}

func (m *module) add(name string) {
	if slices.Contains(methods, name) {
		m.found = append(m.found, name)
	}
}

// export reads what follows the word, and ends before a token that it does not
// need.
func (m *module) export() {
	if m.kind == punct {
		switch m.text {
		case "{":
			m.list()
		case "*":
			m.star()
		case "=":
			m.unknown = "export ="
		}
		return
	}
	switch m.text {
	case "const", "let", "var":
		m.next()
		m.declarators()
	case "async", "abstract":
		m.next()
		if m.text == "function" || m.text == "class" {
			m.export()
		}
	case "function", "class":
		m.next()
		if m.text == "*" {
			m.next()
		}
		if m.kind == name {
			m.add(m.text)
		}
	}
	// Everything else, "type" and "declare" above all, is for the compiler only.
}

// list reads { a, b as c, type d }, up to the closing bracket.
func (m *module) list() {
	var words []string
	for m.next(); m.kind != end; m.next() {
		closes := m.kind == punct && m.text == "}"
		switch {
		case m.kind == name || m.kind == text:
			words = append(words, m.text)
		case closes, m.kind == punct && m.text == ",":
			// "type a" and "type a as b" are for the compiler only.
			if n := len(words); n == 1 || n == 3 {
				m.add(words[n-1])
			}
			words = words[:0]
			if closes {
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
	as := m.text == "as"
	m.next()
	switch {
	case as:
		m.add(m.text)
	case m.kind == text:
		m.unknown = `export * from "` + m.text + `"`
	}
}

// declarators reads what const declares: a = 1, { b, c: [d] } = e, and so on.
// It ends at the first token behind, where a line ends if no semicolon does.
//
// A comma may also separate type arguments, f<A, B>(c), which only what comes
// after them tells. What is declared has an initialiser or a type, though, and
// what looks like an argument is taken for a part of the expression before it.
func (m *module) declarators() {
	for {
		m.target()
		if m.kind == punct && m.text == "!" {
			m.next()
		}
		if m.kind == punct && m.text == ":" {
			m.annotation()
		}
		for !m.statementEnds() && !(m.kind == punct && m.text == ",") {
			m.step()
		}
		if m.kind != punct || m.text != "," {
			return
		}
		m.next()
	}
}

// target reads the name or the pattern that a value is assigned to.
func (m *module) target() {
	if m.kind == punct && (m.text == "{" || m.text == "[") {
		m.pattern()
		return
	}
	bound := m.kind == name
	id := m.text
	m.next()
	if bound && m.kind == punct && (m.text == "=" || m.text == ":" || m.text == "!") {
		m.add(id)
	}
}

// pattern reads { a, b: c = 1, [d]: e, ...f } or [a, , b = 1], and goes on to
// the token behind.
func (m *module) pattern() {
	if m.depth++; m.depth > maxDepth {
		m.fail("patterns are nested too deep")
		return
	}
	closer := "}"
	if m.text == "[" {
		closer = "]"
	}
	m.next()
	for m.kind != end && !(m.kind == punct && m.text == closer) {
		if m.kind == punct && (m.text == "," || m.text == "...") {
			m.next()
			continue
		}
		key, bound := m.text, m.kind == name
		nested := m.kind == punct && (m.text == "[" || m.text == "{")
		switch {
		case nested && closer == "]":
			m.pattern()
		case nested || bound || m.kind == text || m.kind == operand:
			m.skip() // a computed key
			m.next()
		default:
			m.fail("%s in a pattern", m.text)
		}
		if closer == "}" && m.kind == punct && m.text == ":" {
			bound = false
			if m.next(); m.kind == name {
				m.add(m.text)
				m.next()
			} else if m.kind == punct && (m.text == "{" || m.text == "[") {
				m.pattern()
			}
		}
		if bound {
			m.add(key)
		}
		for m.kind != end && !(m.kind == punct && (m.text == "," || m.text == closer)) {
			m.step() // the default
		}
	}
	if m.kind == end {
		m.fail("%s is missing", closer)
	}
	m.depth--
	m.next()
}

// annotation reads the type behind a colon, up to what follows it. Unlike in
// an expression, "<" is a bracket there.
func (m *module) annotation() {
	defer func(jsx bool) { m.jsx = jsx }(m.jsx)
	m.jsx = false
	angles := 0
	m.next()
	for !m.statementEnds() {
		if m.kind == punct {
			switch m.text {
			case "<":
				angles++
			case ">":
				angles--
			case "=", ",":
				if angles <= 0 {
					return
				}
			}
		}
		m.step()
	}
}

// step goes on to the next token that is not in brackets.
func (m *module) step() {
	if m.kind == punct && (m.text == ")" || m.text == "]" || m.text == "}") {
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
	switch {
	case m.kind == end, m.kind == punct && m.text == ";":
		return true
	case m.kind == name && !m.property:
		return m.text == "export" || m.newline && m.complete && !strings.Contains(" in instanceof as satisfies ", " "+m.text+" ")
	case m.kind == text, m.kind == operand:
		return m.newline && m.complete
	}
	return false
}
