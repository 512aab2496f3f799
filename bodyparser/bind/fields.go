package bind

import (
	"unicode"
	"unicode/utf8"

	"github.com/apiece/apiece/internal/fields"
)

// A source is where a value comes from. A field may have a different name for
// each.
type source = fields.Source

// A member is a field that a client can name in an object, promoted ones included.
type member = fields.Member

const (
	fromJSON  = fields.JSON
	fromForm  = fields.Form
	fromQuery = fields.Query // has the names of forms
)

// A nameIndex finds members by the client's name: an exact match, else the first that
// differs only in case, like encoding/json.
type nameIndex struct {
	exact, folded map[string]int
}

func (n *nameIndex) add(name string, i int) {
	if n.exact == nil {
		n.exact, n.folded = map[string]int{}, map[string]int{}
	}
	if _, taken := n.exact[name]; !taken {
		n.exact[name] = i
	}
	if folded := string(appendFold(nil, name)); !has(n.folded, folded) {
		n.folded[folded] = i
	}
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, ok := m[key]
	return ok
}

func (n *nameIndex) find(name string) (int, bool) {
	if i, ok := n.exact[name]; ok {
		return i, true
	}
	var room [64]byte
	i, ok := n.folded[string(appendFold(room[:0], name))]
	return i, ok
}

// appendFold appends the form that a name shares with all names that differ
// from it only in case.
func appendFold(dst []byte, name string) []byte {
	for _, r := range name {
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(r) {
			first := next <= r
			if r = next; first {
				break
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}
