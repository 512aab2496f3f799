package bind

import (
	"reflect"
	"slices"

	"github.com/go-playground/validator/v10"
)

// SampleFor reports whether there is a sample text that satisfies the rule.
func SampleFor(rule string) bool {
	rc := newRuleChecker(validator.New())
	parent := parentStruct{struct{ Other string }{"DE"}, reflect.TypeFor[struct{ Other string }]()}
	return slices.ContainsFunc(sampleTexts, func(text string) bool { return rc.accepts(parent, text, rule) })
}

// Phrase returns the message of a rule for a string in a struct with another
// field, "" if the rule has no message.
func Phrase(rule, param string) string {
	_, phrase, _ := failedRule{rule, param, reflect.TypeFor[string](), reflect.TypeFor[struct{ Other string }](), fromJSON}.describe()
	return phrase
}
