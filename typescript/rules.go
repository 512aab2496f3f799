package typescript

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/fields"
)

// rules are the rules of a field that types can express.
type rules struct {
	required bool
	empty    bool     // omitempty: the zero value is also valid
	values   union    // of oneof
	elements union    // of a oneof for the elements of a list
	others   []string // unchanged
}

// readRules reads a validate tag. t is the type of the field, without pointers.
func readRules(tag string, t reflect.Type) (r rules) {
	elements := false
	for rule := range strings.SplitSeq(tag, ",") {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case rule == "dive":
			if elements { // lists in lists keep their rules as documentation
				return r
			}
			elements = true
			if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
				t = fields.Deref(t.Elem())
			} else {
				return r
			}
		case rule == "omitempty" && !elements:
			r.empty = true
		case rule == "" || rule == "omitempty" || rule == "omitzero" || rule == "-" || rule == "omitnil":
		case rule == "required":
			r.required = r.required || !elements
		case name == "oneof":
			values := oneOf(param, t)
			if elements {
				r.elements = values
			} else {
				r.values = values
			}
		case elements:
			r.others = append(r.others, "each "+rule)
		default:
			r.others = append(r.others, rule)
		}
	}
	return r
}

// oneOf returns the values of the rule oneof as types: separated by spaces, or
// in single quotes.
func oneOf(param string, t reflect.Type) (values union) {
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimLeft(param, " ") {
		var value string
		if rest, ok := strings.CutPrefix(param, "'"); ok {
			value, param, _ = strings.Cut(rest, "'")
		} else {
			value, param, _ = strings.Cut(param, " ")
		}
		if t.Kind() == reflect.String {
			value = literal(value)
		} else if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil
		}
		values = append(values, value)
	}
	return values
}
