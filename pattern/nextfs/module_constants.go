package nextfs

// names are the constants and imports that the settings of a module may use.
type names struct {
	constants map[string]value
	imported  map[string]origin
}

// An origin is where a name comes from: a constant, an import under another
// name, or an export of another module.
type origin struct{ module, name string }

// recordConstant records the value of a constant. The token is the one after its
// name or type.
func (m *module) recordConstant(name string, constant bool) {
	switch {
	case m.constants == nil || name == "" || !m.is("="):
	case constant:
		m.constants[name] = m.valueAfter()
	default:
		m.constants[name] = unread("a variable, which may be assigned another value")
	}
}

// recordNames records the names of a statement that begins with the token, if it
// imports any or declares constants. The token stays the current one: a second
// reader reads ahead.
func (m *module) recordNames() {
	declares := m.word("const") && m.before != "as" || m.word("let") || m.word("var")
	if m.constants == nil || !declares && !m.word("import") {
		return
	}
	second := module{lexer: m.lexer, names: names{constants: m.constants}}
	if declares {
		constant := m.word("const")
		second.next()
		second.declarators(constant)
		return
	}
	for second.next(); second.kind == nameToken && second.text != "type" || second.is(","); { // the default export
		second.next()
	}
	if second.is("{") {
		from := second.from()
		second.eachName(func(name, as string) { m.imported[as] = origin{from, name} })
	}
}

// from returns the module of a list of names, "" if there is none. The token
// stays the current one.
func (m *module) from() string {
	l := m.lexer
	for !l.is("}") && l.kind != endToken {
		l.next()
	}
	if l.next(); !l.word("from") {
		return ""
	}
	if l.next(); l.kind != stringToken {
		return ""
	}
	return l.text
}
