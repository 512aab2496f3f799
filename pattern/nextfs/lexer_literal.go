package nextfs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A value is the value of a constant: a string, a float64, a bool, nil for null
// and undefined, a []any of values, an object, or one of the two below.
type value = any

// A reference is the name of another constant.
type reference string

// An unread is a value that could not be read, and why.
type unread string

type object []member

type member struct {
	key   string // "" for ...value
	value value
}

// maxParts limits the size of a value, far above any real setting.
const maxParts = 100

// valueAfter reads the value after the token, which stays the current one.
func (l lexer) valueAfter() value {
	l.next()
	v := l.value()
	switch {
	case l.err != nil:
		return unread(l.err.reason)
	case l.ends():
		return v
	}
	return unread("an expression")
}

// ends reports whether a value ends before the token.
func (l *lexer) ends() bool {
	return l.kind == endToken || l.is(",") || l.is(";") || l.closes() || l.newline && l.kind != punctToken ||
		l.word("as") || l.word("satisfies")
}

// value reads a value, and ends at the token after it. Of an expression it reads
// the beginning.
func (l *lexer) value() (v value) {
	if l.depth++; l.depth > maxDepth {
		l.fail("brackets are nested too deep")
		return nil
	}
	defer func() { l.depth-- }()
	start := l.start
	switch {
	case l.kind == stringToken && strings.Contains(l.text, "\\"):
		v = unread("a string with an escape")
	case l.kind == stringToken:
		v = l.text
	case l.kind == valueToken && strings.HasPrefix(l.src[start:l.pos], "`"):
		v = l.src[start+1 : l.pos-1]
		if strings.ContainsAny(v.(string), "\\$") {
			v = unread("a template")
		}
	case l.kind == valueToken:
		return l.product()
	case l.is("-"):
		l.next()
		if n, ok := l.product().(float64); ok {
			return -n
		}
		return unread("an expression")
	case l.is("{"):
		return l.object()
	case l.is("["):
		return l.list()
	case l.word("true"), l.word("false"):
		v = l.text == "true"
	case l.word("null"), l.word("undefined"):
	case l.kind == nameToken:
		v = reference(l.text)
	default:
		v = unread("an expression")
	}
	l.next()
	return v
}

// product reads 4 * 1024 * 1024.
func (l *lexer) product() value {
	product := 1.0
	for {
		n, err := strconv.ParseFloat(strings.ReplaceAll(l.text, "_", ""), 64)
		if l.kind != valueToken || err != nil {
			l.next()
			return unread("an expression")
		}
		product *= n
		if l.next(); !l.is("*") {
			return product
		}
		l.next()
	}
}

// object reads { a: 1, 'b': 2, c, ...d }, but not { [e]: 3, f() {} }.
func (l *lexer) object() value {
	o := object{}
	for l.next(); l.err == nil && !l.is("}"); {
		m := member{key: l.text}
		spread, name := l.is("..."), l.kind == nameToken
		if !spread && !name && l.kind != stringToken {
			m.key = ""
			l.skip()
		}
		switch l.next(); {
		case spread:
			m.key, m.value = "", l.value()
		case l.is(":") && m.key != "":
			l.next()
			m.value = l.value()
		case name && (l.is(",") || l.is("}")):
			m.value = reference(m.key)
		default:
			m.value = unread("a method, or a name that is computed")
		}
		if !l.part(&m.value, "}") {
			return nil
		}
		if o = append(o, m); len(o) > maxParts {
			l.fail("an object with more than %d members", maxParts)
		}
	}
	l.next()
	return o
}

func (l *lexer) list() value {
	list := []any{}
	for l.next(); l.err == nil && !l.is("]"); {
		v := l.value()
		if !l.part(&v, "]") {
			return nil
		}
		if list = append(list, v); len(list) > maxParts {
			l.fail("a list of more than %d values", maxParts)
		}
	}
	l.next()
	return list
}

// part skips the rest of a part of an object or a list, and the comma. If there
// is any rest except a type, the value is incomplete.
func (l *lexer) part(v *value, closer string) bool {
	if _, ok := (*v).(unread); !ok && !l.is(",") && !l.is(closer) && !l.word("as") && !l.word("satisfies") {
		*v = unread("an expression")
	}
	for !l.is(",") && !l.is(closer) {
		if l.kind == endToken || l.closes() {
			l.fail("%s is missing", closer)
			return false
		}
		l.skip()
		l.next()
	}
	if l.is(",") {
		l.next()
	}
	return true
}

// resolved returns a value with its references replaced by the values of
// constants.
func resolved(v value, constant func(name string) value) value {
	switch v := v.(type) {
	case reference:
		return constant(string(v))
	case []any:
		list := slices.Clone(v)
		for i := range list {
			list[i] = resolved(v[i], constant)
			if why, ok := list[i].(unread); ok {
				return why
			}
		}
		return list
	case object:
		var o object
		for _, m := range v {
			m.value = resolved(m.value, constant)
			spread, ok := m.value.(object)
			switch {
			case m.key != "":
				o = o.with(m)
			case ok:
				for _, s := range spread {
					o = o.with(s)
				}
			default:
				return unread(fmt.Sprintf("an object with %v in it", m.value))
			}
		}
		return o
	}
	return v
}

// with returns the object with a member that replaces one of the same name.
func (o object) with(m member) object {
	o = slices.DeleteFunc(slices.Clone(o), func(old member) bool { return old.key == m.key })
	return append(o, m)
}
