package bind

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/fields"
	"github.com/go-playground/validator/v10"
)

// The validator reads the tags of a struct when it first sees a value of it,
// and panics if one is invalid: during a request, and only if that request
// fills the list or the map with the struct. A rule that does not fit the type
// of its field panics even later, after the rules before it pass. So the rules
// of every struct that a type leads to are parsed at startup, and tried one by
// one.

// checkTags tries the rules of t and of everything below it.
func checkTags(v *validator.Validate, t reflect.Type) error {
	rc := newRuleChecker(v)
	var errs []error
	for _, s := range structs(t, nil) {
		errs = append(errs, rc.checkStruct(s))
	}
	return errors.Join(errs...)
}

// structs returns the struct types in which a value of type t may have rules.
// The validator visits all but times.
func structs(t reflect.Type, found []reflect.Type) []reflect.Type {
	if endless(t) {
		return found
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return structs(t.Elem(), found)
	case reflect.Map:
		return structs(t.Elem(), structs(t.Key(), found))
	case reflect.Struct:
		if o, ok := fields.Optional(t); ok {
			return structs(o, found)
		}
		if slices.Contains(found, t) || isTime(t) {
			return found
		}
		found = append(found, t)
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous {
				found = structs(f.Type, found)
			}
		}
	}
	return found
}

// checkStruct tries the rules of the fields of one struct.
func (rc *ruleChecker) checkStruct(t reflect.Type) error {
	var errs []error
	parent := parentStruct{filled(t, 0).Interface(), t}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous && !rc.registry.private() {
			continue
		}
		rules := rc.registry.rules(t, f)
		if rules == "" || rules == "-" {
			continue
		}
		err := rc.parse(rules)
		if err == nil {
			err = rc.checkRules(parent, f.Type, strings.Split(rules, ","))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("bind: %v.%s: %w", t, f.Name, err))
		}
	}
	return errors.Join(errs...)
}

// A parentStruct is a value of the struct that has a field with rules.
type parentStruct struct {
	value any
	typ   reflect.Type
}

// checkRules tries rules that apply to values of type t, and those after a dive for
// their elements. The rules are parseable.
func (rc *ruleChecker) checkRules(parent parentStruct, t reflect.Type, rules []string) error {
	t = rc.ruleType(t)
	if t == nil {
		return nil // an interface: only a request shows its type
	}
	for i, rule := range rules {
		switch rule {
		case "required", "omitempty", "omitnil", "omitzero", "isdefault":
			// They fit every type.
		case "structonly", "nostructlevel":
			return nil // the validator stops here too
		case "dive":
			return rc.checkDive(parent, t, rules[i+1:])
		default:
			if own, ok := rc.registry.alias(rule); ok {
				return rc.checkRules(parent, t, append(strings.Split(own, ","), rules[i+1:]...))
			}
			if err := rc.checkAlternatives(parent, t, rule); err != nil {
				return err
			}
		}
	}
	return nil
}

func (rc *ruleChecker) checkDive(parent parentStruct, t reflect.Type, rules []string) error {
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		if len(rules) > 0 && rules[0] == "keys" {
			return fmt.Errorf("a %v has no keys", t)
		}
	case reflect.Map:
		if len(rules) > 0 && rules[0] == "keys" {
			end := slices.Index(rules, "endkeys")
			if end < 0 {
				end = len(rules)
			}
			if err := rc.checkRules(parent, t.Key(), rules[1:end]); err != nil {
				return err
			}
			rules = rules[min(end+1, len(rules)):]
		}
	default:
		return fmt.Errorf("the rule dive is for lists and maps, not for %v", t)
	}
	return rc.checkRules(parent, t.Elem(), rules)
}

// checkAlternatives tries a rule, or alternatives such as rgb|rgba: each has to fit the
// type, and one of them has to be possible.
func (rc *ruleChecker) checkAlternatives(parent parentStruct, t reflect.Type, rule string) error {
	impossible := true
	for _, alternative := range rc.alternatives(rule) {
		if err := fieldsExist(parent.typ, alternative); err != nil {
			return err
		}
		possible, err := rc.tryRule(parent, t, alternative)
		if err != nil {
			return err
		}
		impossible = impossible && !possible
	}
	if impossible {
		return fmt.Errorf("the rule %s reads text, and no value of type %v satisfies it; "+
			"RegisterCustomTypeFunc of the validator says what the text of a type is", rule, t)
	}
	return nil
}

// alternatives returns the rules of which one must pass, including those of
// aliases among them.
func (rc *ruleChecker) alternatives(rule string) (all []string) {
	for one := range strings.SplitSeq(rule, "|") {
		own, ok := rc.registry.alias(one)
		if !ok {
			all = append(all, one)
			continue
		}
		for part := range strings.SplitSeq(own, ",") {
			all = append(all, rc.alternatives(part)...)
		}
	}
	return all
}

// fieldsExist refuses a rule that names an unknown field: the validator treats
// it as missing from the request.
func fieldsExist(within reflect.Type, rule string) error {
	name, param, _ := strings.Cut(rule, "=")
	step := 1
	if c, ok := conditions[name]; ok {
		if c.pairs {
			step = 2
		}
	} else if _, ok := comparisons[name]; !ok || name == "unique" {
		return nil
	}
	all := words(unescape(param))
	for i := 0; i < len(all); i += step {
		for t := within; ; {
			first, rest, more := strings.Cut(all[i], ".")
			first, _, indexed := strings.Cut(first, "[")
			if t.Kind() != reflect.Struct {
				break
			}
			f, ok := t.FieldByName(first)
			if !ok {
				return fmt.Errorf("the rule %s names the field %s, which %v does not have", rule, first, t)
			}
			if !more || indexed {
				break
			}
			t, all[i] = fields.Deref(f.Type), rest
		}
	}
	return nil
}

// unescape undoes the escapes for a comma or a bar in a parameter.
func unescape(param string) string {
	return strings.ReplaceAll(strings.ReplaceAll(param, "0x2C", ","), "0x7C", "|")
}
