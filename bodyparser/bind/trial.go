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

// A trial tries the rules of one type.
type trial struct {
	v, plain *validator.Validate
	registry registry
	values   map[reflect.Type][]reflect.Value
}

func newTrial(v *validator.Validate) *trial {
	return &trial{
		v: v, plain: validator.New(validator.WithRequiredStructEnabled()), registry: registered(v),
		values: map[reflect.Type][]reflect.Value{},
	}
}

// read refuses rules that the validator cannot parse. None of them runs: the
// value is empty.
func (tr *trial) read(rules string) error {
	_, panicked := run(func() error { return tr.v.Var("", "omitempty,"+rules) })
	if panicked == nil {
		return nil
	}
	return fmt.Errorf("the rules %q: %v", rules, panicked)
}

// run reports whether a value passes, or what the validator panicked with.
func run(check func() error) (passed bool, panicked any) {
	defer func() {
		if p := recover(); p != nil {
			passed, panicked = false, p
		}
	}()
	return check() == nil, nil
}

// apply runs one rule on a value. It excludes the rules of nested structs; and
// the validator has no parent struct for a struct, so rules that name other
// fields are not tried there.
func apply(v *validator.Validate, at site, value any, rule string) (passed bool, panicked any) {
	return run(func() error {
		if t := reflect.TypeOf(value); t != nil && fields.Deref(t).Kind() == reflect.Struct && !isTime(fields.Deref(t)) {
			return v.VarWithKey("value", value, rule+",nostructlevel")
		}
		return v.VarWithValue(value, at.parent, rule)
	})
}

// builtIn reports whether the name is a rule of the validator. The rule
// validateFn calls a method of the service.
func (tr *trial) builtIn(name string) bool {
	_, panicked := run(func() error { return tr.plain.Var("", "omitempty,"+name) })
	return panicked == nil && name != "validateFn"
}

// seen returns the type that rules see for a value of type t: functions that
// the service has registered for a type run first. It is nil if the type
// differs from value to value.
func (tr *trial) seen(t reflect.Type) reflect.Type {
	t = fields.Deref(t)
	if o, ok := fields.Optional(t); ok {
		return tr.seen(o)
	}
	if t.Kind() == reflect.Interface {
		return nil
	}
	for _, value := range tr.samples(t) {
		if s := extract(tr.v, value); s != nil {
			return fields.Deref(reflect.TypeOf(s))
		}
	}
	return t
}

// extract returns what rules see of a value. One of the two rules fails, and
// shows it.
func extract(v *validator.Validate, value reflect.Value) (seen any) {
	for _, rule := range []string{"isdefault", "required"} {
		_, _ = run(func() error {
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

// try tries one rule. It reports whether some value of the type may satisfy it;
// in doubt, yes.
func (tr *trial) try(at site, t reflect.Type, rule string) (possible bool, err error) {
	name, param, _ := strings.Cut(rule, "=")
	if !tr.builtIn(name) {
		return true, nil
	}
	param = unescape(param)
	values := slices.Concat(tr.samples(t), made(t, words(param)...))
	_, notANumber := strconv.ParseFloat(param, 64)
	judged := t.Kind() != reflect.String && (param == "" || notANumber != nil)
	if !judged {
		// Such a rule reads existing text, or compares with a number, which a
		// few values cannot decide. Whether it panics depends on the type.
		values = values[:min(len(values), 3)]
	}
	refusedText := false
	for _, value := range values {
		passed, panicked := apply(tr.v, at, value.Interface(), rule)
		if panicked != nil {
			if _, too := apply(tr.plain, at, value.Interface(), rule); too == nil || panicked == http.ErrAbortHandler {
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
			refusedText = ok && tr.accepts(at, text, rule)
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
	return !slices.ContainsFunc(slices.Concat(sampleTexts, words(param)), func(text string) bool { return tr.accepts(at, text, rule) }), nil
}

// accepts reports whether a text satisfies the rule, with and without the
// registrations of the service.
func (tr *trial) accepts(at site, text, rule string) bool {
	ours, p := apply(tr.v, at, text, rule)
	plain, q := apply(tr.plain, at, text, rule)
	return ours && plain && p == nil && q == nil
}

var stringer = reflect.TypeFor[fmt.Stringer]()

// stringOf returns the text of a value that has one.
func stringOf(v reflect.Value) (text string, ok bool) {
	s, ok := v.Interface().(fmt.Stringer)
	if !ok {
		return "", false
	}
	_, panicked := run(func() error { text = s.String(); return nil })
	return text, panicked == nil
}
