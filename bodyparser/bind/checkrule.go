package bind

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/fields"
	"github.com/go-playground/validator/v10"
)

// A rule is tried on made-up values of the type of its field, with the validator
// of the service. It does not fit the type if it panics, or if it accepts texts
// but never a value of the type: many rules of the validator read any value as
// text, and see "<decimal.Decimal Value>" for every value that has no text.
//
// Only the validator's own rules are tried. A custom rule may have reasons to
// panic on a value that no request can have, or be slow. A second validator,
// without registrations, tells which rules are custom; it must also panic in the
// same place, since a service may have replaced a rule under its name.

// A ruleChecker tries the rules of one type.
type ruleChecker struct {
	v, plain *validator.Validate
	registry registry
	values   map[reflect.Type][]reflect.Value
}

func newRuleChecker(v *validator.Validate) *ruleChecker {
	return &ruleChecker{
		v: v, plain: validator.New(validator.WithRequiredStructEnabled()), registry: registered(v),
		values: map[reflect.Type][]reflect.Value{},
	}
}

// parse refuses rules that the validator cannot parse. None of them runs: the
// value is empty.
func (rc *ruleChecker) parse(rules string) error {
	_, panicked := catch(func() error { return rc.v.Var("", "omitempty,"+rules) })
	if panicked == nil {
		return nil
	}
	return fmt.Errorf("the rules %q: %v", rules, panicked)
}

// catch reports whether a value passes, or what the validator panicked with.
func catch(check func() error) (passed bool, panicked any) {
	defer func() {
		if p := recover(); p != nil {
			passed, panicked = false, p
		}
	}()
	return check() == nil, nil
}

// applyRule runs one rule on a value. It excludes the rules of nested structs; and
// the validator has no parent struct for a struct, so rules that name other
// fields are not tried there.
func applyRule(v *validator.Validate, parent parentStruct, value any, rule string) (passed bool, panicked any) {
	return catch(func() error {
		if t := reflect.TypeOf(value); t != nil && fields.Deref(t).Kind() == reflect.Struct && !isTime(fields.Deref(t)) {
			return v.VarWithKey("value", value, rule+",nostructlevel")
		}
		return v.VarWithValue(value, parent.value, rule)
	})
}

// builtIn reports whether the name is a rule of the validator. The rule
// validateFn calls a method of the service.
func (rc *ruleChecker) builtIn(name string) bool {
	_, panicked := catch(func() error { return rc.plain.Var("", "omitempty,"+name) })
	return panicked == nil && name != "validateFn"
}

// ruleType returns the type that rules see for a value of type t: functions that
// the service has registered for a type run first. It is nil if the type
// differs from value to value.
func (rc *ruleChecker) ruleType(t reflect.Type) reflect.Type {
	t = fields.Deref(t)
	if o, ok := fields.Optional(t); ok {
		return rc.ruleType(o)
	}
	if t.Kind() == reflect.Interface {
		return nil
	}
	for _, value := range rc.samples(t) {
		if s := ruleValue(rc.v, value); s != nil {
			return fields.Deref(reflect.TypeOf(s))
		}
	}
	return t
}

// ruleValue returns what rules see of a value. One of the two rules fails, and
// shows it.
func ruleValue(v *validator.Validate, value reflect.Value) (seen any) {
	for _, rule := range []string{"isdefault", "required"} {
		_, _ = catch(func() error {
			var failed validator.ValidationErrors
			if err := v.VarWithKey("value", value.Interface(), rule+",nostructlevel"); errors.As(err, &failed) && len(failed) == 1 {
				seen = failed[0].Value()
			}
			return nil
		})
		if seen != nil {
			return seen
		}
	}
	return nil
}

// tryRule tries one rule. It reports whether some value of the type may satisfy it;
// in doubt, yes.
func (rc *ruleChecker) tryRule(parent parentStruct, t reflect.Type, rule string) (possible bool, err error) {
	name, param, _ := strings.Cut(rule, "=")
	if !rc.builtIn(name) {
		return true, nil
	}
	param = unescape(param)
	values := slices.Concat(rc.samples(t), valuesOfTexts(t, words(param)...))
	_, notANumber := strconv.ParseFloat(param, 64)
	judged := t.Kind() != reflect.String && (param == "" || notANumber != nil)
	if !judged {
		// Such a rule reads existing text, or compares with a number, which a
		// few values cannot decide. Whether it panics depends on the type.
		values = values[:min(len(values), 3)]
	}
	refusedText := false
	for _, value := range values {
		passed, panicked := applyRule(rc.v, parent, value.Interface(), rule)
		if panicked != nil {
			if _, too := applyRule(rc.plain, parent, value.Interface(), rule); too == nil || panicked == http.ErrAbortHandler {
				return true, nil
			}
			return false, fmt.Errorf("the rule %s is not for values of type %v: %v", rule, t, panicked)
		}
		if passed {
			if judged {
				return true, nil
			}
			continue
		}
		if judged && !refusedText {
			text, ok := stringOf(value)
			refusedText = ok && rc.accepts(parent, text, rule)
		}
	}
	if !judged {
		return true, nil
	}
	if t.Implements(stringer) {
		// Some rules read the text of a value, and perhaps none of these texts
		// was right.
		return !refusedText, nil
	}
	return !slices.ContainsFunc(slices.Concat(sampleTexts, words(param)), func(text string) bool { return rc.accepts(parent, text, rule) }), nil
}

// accepts reports whether a text satisfies the rule, with and without the
// registrations of the service.
func (rc *ruleChecker) accepts(parent parentStruct, text, rule string) bool {
	ours, p := applyRule(rc.v, parent, text, rule)
	plain, q := applyRule(rc.plain, parent, text, rule)
	return ours && plain && p == nil && q == nil
}

var stringer = reflect.TypeFor[fmt.Stringer]()

// stringOf returns the text of a value that has one.
func stringOf(v reflect.Value) (text string, ok bool) {
	s, ok := v.Interface().(fmt.Stringer)
	if !ok {
		return "", false
	}
	_, panicked := catch(func() error { text = s.String(); return nil })
	return text, panicked == nil
}
