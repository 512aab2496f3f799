package bind

import (
	"cmp"
	"reflect"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/fields"
	"github.com/go-playground/validator/v10"
)

// Each rule of the validator has a phrase here, which follows the name of the
// field. The phrase may depend on the type of the field, as for min, or on
// other fields, which a client knows by other names than the tag.

// A failedRule is a rule that a value breaks, with what a message needs.
type failedRule struct {
	rule, param string
	typ         reflect.Type // of the value, nil if it is not known
	within      reflect.Type // the struct that the field is in, nil if it is not known
	src         source
}

// messageOf describes the requirement of a rule: its parameter, and a phrase in
// English.
func messageOf(f validator.FieldError, within reflect.Type, src source) (param, phrase string) {
	c := failedRule{f.Tag(), f.Param(), f.Type(), within, src}
	if c.typ != nil {
		c.typ = fields.Deref(c.typ)
	}
	if param, phrase, ok := c.describe(); ok {
		return param, phrase
	}
	if f.ActualTag() != c.rule { // an alias of the service
		c.rule = f.ActualTag()
		if param, phrase, ok := c.describe(); ok {
			return param, phrase
		}
	}
	return f.Param(), "must satisfy the rule " + f.Tag()
}

// describe returns the phrase for the rule, and reports false if there is none.
func (c failedRule) describe() (param, phrase string, ok bool) {
	if alternatives := strings.Split(c.rule, "|"); len(alternatives) > 1 {
		return c.describeAny(alternatives)
	}
	if c.rule == "unique" && c.isCollection() {
		return c.param, "must not have the same element twice", true
	}
	if phrase, ok := phrases[c.rule]; ok {
		return c.param, strings.ReplaceAll(phrase, "{}", c.param), true
	}
	if phrase, ok := c.size(); ok {
		return c.param, phrase, true
	}
	if phrase, ok := c.choice(); ok {
		return c.param, phrase, true
	}
	return c.otherFields()
}

// describeAny joins the phrases of a rule such as rgb|rgba.
func (c failedRule) describeAny(alternatives []string) (param, phrase string, ok bool) {
	var all []string
	for _, one := range alternatives {
		c.rule, c.param, _ = strings.Cut(one, "=")
		_, phrase, ok := c.describe()
		if !ok {
			return "", "", false
		}
		all = append(all, phrase)
	}
	return "", strings.Join(all, ", or "), true
}

// sizes are the rules that compare with a number: the length of the value if it
// has one, or a point in time for a time.
var sizes = map[string]struct{ bound, time string }{
	"len": {"exactly", ""},
	"min": {"at least", "now or later"}, "gte": {"at least", "now or later"},
	"max": {"at most", "now or earlier"}, "lte": {"at most", "now or earlier"},
	"gt": {"more than", "in the future"},
	"lt": {"less than", "in the past"},
}

func (c failedRule) size() (phrase string, ok bool) {
	s, ok := sizes[c.rule]
	if !ok {
		if c.rule != "eq" && c.rule != "ne" {
			return "", false
		}
		verb := "must "
		if c.rule == "ne" {
			verb = "must not "
		}
		if c.isCollection() {
			return verb + "have exactly " + plural(c.param, c.unit()), true
		}
		return verb + "be " + c.quantity(), true
	}
	switch unit := c.unit(); {
	case unit != "":
		return "must have " + s.bound + " " + plural(c.param, unit), true
	case c.typ != nil && isTime(c.typ) && s.time != "":
		return "must be " + s.time, true
	case c.rule == "len":
		return "must be " + c.quantity(), true
	}
	return "must be " + s.bound + " " + c.quantity(), true
}

// unit is what the length of the value counts, "" if it has no length.
func (c failedRule) unit() string {
	if c.typ == nil {
		return ""
	}
	switch c.typ.Kind() {
	case reflect.String:
		return "character"
	case reflect.Slice, reflect.Array:
		if c.typ.Elem().Kind() == reflect.Uint8 {
			return "byte"
		}
		return "element"
	case reflect.Map:
		return "element"
	}
	return ""
}

// isCollection reports whether the value is a list or a map.
func (c failedRule) isCollection() bool {
	unit := c.unit()
	return unit == "element" || unit == "byte"
}

func plural(n, unit string) string {
	if n != "1" {
		unit += "s"
	}
	return n + " " + unit
}

// quantity is the parameter as a value of the type: the validator also takes a
// bare number of nanoseconds for a duration.
func (c failedRule) quantity() string {
	if c.typ == durationType {
		d, err := time.ParseDuration(c.param)
		if err != nil {
			d, err = time.ParseDuration(c.param + "ns")
		}
		if err == nil {
			return d.String()
		}
	}
	return cmp.Or(c.param, `""`)
}

func isTime(t reflect.Type) bool { return t.ConvertibleTo(timeType) }

func (c failedRule) choice() (phrase string, ok bool) {
	phrase, ok = map[string]string{
		"oneof": "must be one of: ", "oneofci": "must be one of: ",
		"noneof": "must be none of: ", "noneofci": "must be none of: ",
	}[c.rule]
	return phrase + strings.Join(words(c.param), ", "), ok
}

// words splits a parameter at spaces outside of single quotes.
func words(param string) (all []string) {
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimSpace(param) {
		var word string
		if inside, rest, ok := strings.Cut(strings.TrimPrefix(param, "'"), "'"); ok && param[0] == '\'' {
			word, param = inside, rest
		} else if end := strings.IndexAny(param, " \t\n"); end >= 0 {
			word, param = param[:end], param[end:]
		} else {
			word, param = param, ""
		}
		all = append(all, word)
	}
	return all
}

// comparisons are the rules that compare with another field.
var comparisons = map[string]string{
	"eqfield": "must be the same as {}", "eqcsfield": "must be the same as {}",
	"nefield": "must differ from {}", "necsfield": "must differ from {}",
	"gtfield": "must be more than {}", "gtcsfield": "must be more than {}",
	"gtefield": "must be at least {}", "gtecsfield": "must be at least {}",
	"ltfield": "must be less than {}", "ltcsfield": "must be less than {}",
	"ltefield": "must be at most {}", "ltecsfield": "must be at most {}",
	"fieldcontains": "must contain the value of {}", "fieldexcludes": "must not contain the value of {}",
	"postcode_iso3166_alpha2_field": "must be a postal code of the country in {}",
	"unique":                        "must differ from {}", // of a field that is not a list
}

// conditions are the rules that depend on other fields: on their presence or,
// with pairs of a name and a value, on their values.
var conditions = map[string]struct {
	verb, when, join, state string
	pairs                   bool
}{
	"required_if":          {"is required", "when", " and ", "", true},
	"required_unless":      {"is required", "unless", " or ", "", true},
	"required_with":        {"is required", "when", " or ", "given", false},
	"required_with_all":    {"is required", "when", " and ", "given", false},
	"required_without":     {"is required", "when", " or ", "missing", false},
	"required_without_all": {"is required", "when", " and ", "missing", false},
	"skip_unless":          {"is required", "when", " and ", "", true},
	"excluded_if":          {"must be left out", "when", " and ", "", true},
	"excluded_unless":      {"must be left out", "unless", " or ", "", true},
	"excluded_with":        {"must be left out", "when", " or ", "given", false},
	"excluded_with_all":    {"must be left out", "when", " and ", "given", false},
	"excluded_without":     {"must be left out", "when", " or ", "missing", false},
	"excluded_without_all": {"must be left out", "when", " and ", "missing", false},
}

// otherFields describes a rule that names other fields. It does not name those that
// clients cannot see.
func (c failedRule) otherFields() (param, phrase string, ok bool) {
	if phrase, ok := comparisons[c.rule]; ok {
		name, visible := c.clientName(c.param)
		switch {
		case visible && c.typ != nil && isTime(c.typ):
			phrase = strings.NewReplacer("more than", "after", "less than", "before", "at least", "no earlier than", "at most", "no later than").Replace(phrase)
		case visible && c.unit() != "":
			phrase = strings.NewReplacer("more than", "longer than", "less than", "shorter than", "at least", "no shorter than", "at most", "no longer than").Replace(phrase)
		case !visible:
			name, phrase = "", "must fit another value"
		}
		return name, strings.ReplaceAll(phrase, "{}", name), true
	}
	rule, ok := conditions[c.rule]
	if !ok {
		return "", "", false
	}
	all := words(c.param)
	var parts []string
	for i := 0; i < len(all); i++ {
		name, visible := c.clientName(all[i])
		if !visible {
			return "", rule.verb, true
		}
		if rule.pairs && i+1 < len(all) {
			i++
			name += " is " + all[i]
		}
		parts = append(parts, name)
	}
	if len(parts) == 0 {
		return "", rule.verb, true
	}
	phrase = rule.verb + " " + rule.when + " " + strings.Join(parts, rule.join)
	switch {
	case rule.pairs:
	case len(parts) > 1 && rule.join == " and ":
		phrase += " are " + rule.state
	default:
		phrase += " is " + rule.state
	}
	return "", phrase, true
}

// clientName returns the client's name of a field that a tag names by Go names, and
// reports whether clients can see one.
func (c failedRule) clientName(goName string) (string, bool) {
	var names []string
	t := c.within
	for part := range strings.SplitSeq(goName, ".") {
		part, _, _ := strings.Cut(part, "[")
		if t = elementType(t); t == nil || t.Kind() != reflect.Struct {
			return "", false
		}
		f, ok := t.FieldByName(part)
		if !ok {
			return "", false
		}
		t = f.Type
		name, settable := c.src.Name(f)
		if place, _ := placeOf(f); place != "" {
			name, _, _ = strings.Cut(f.Tag.Get(place), ",")
		} else if c.src.Promoted(f) {
			continue
		} else if !settable {
			return "", false
		}
		names = append(names, name)
	}
	return strings.Join(names, "."), len(names) > 0
}

// elementType returns the type that pointers, lists and maps of t lead to, nil if
// there is none.
func elementType(t reflect.Type) reflect.Type {
	for t != nil && !endless(t) {
		switch t = fields.Deref(t); t.Kind() {
		case reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return t
		}
	}
	return nil
}
