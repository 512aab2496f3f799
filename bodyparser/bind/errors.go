package bind

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// Errors are the fields of a request that are wrong, in the order of their
// paths. A handler may return one of its own for what only it can know, such
// as a name that is taken already:
//
//	return &bind.Errors{Fields: []bind.FieldError{{Path: "/name", Rule: "unique", Message: "is taken"}}}
type Errors struct {
	// Status is 400 if a value is of the wrong type, and 422 if all are of the
	// right type but break a rule. 0 is 422.
	Status int

	// Fields are what is wrong. What bind returns is sorted by Path, and no more
	// than 50; what a handler returns is kept as it is.
	Fields []FieldError

	// Err is the cause, for the log, if there is one.
	Err error
}

// A FieldError says what is wrong with one field. It never holds the value.
type FieldError struct {
	// In is the part of the request that the field is in: "path", "query",
	// "header", "cookie", or "" for the body.
	In string `json:"in,omitempty"`

	// Path is a JSON pointer (RFC 6901) in the names the client uses:
	// "/items/0/sku". It has the same form for JSON, forms and queries, and the
	// numbers in it are those of the client. "" is the body, or what In says, as
	// a whole.
	Path string `json:"path"`

	// Rule is the tag of the validator that failed, "type" for a value of the
	// wrong type, "unknown" for a field that does not exist, or "index" and
	// "duplicate" for keys of a form that fit no list, or one another.
	Rule string `json:"rule"`

	// Param is the parameter of the rule: "3" of min=3.
	Param string `json:"param,omitempty"`

	// Message is a phrase in English that follows the name of the field: "must
	// be an email address". Config.Message can replace it.
	Message string `json:"message"`

	// Kind is that of the value that broke a rule, for a Config.Message that
	// counts characters or items: min=3 is about the length of a String, Slice
	// or Map. It is not sent, and Invalid for errors that are about no rule.
	Kind reflect.Kind `json:"-"`
}

// Error returns the text for the log.
func (e *Errors) Error() string {
	var b strings.Builder
	b.WriteString("bind: ")
	for i, f := range e.Fields {
		if i == 8 {
			fmt.Fprintf(&b, "; and %d more", len(e.Fields)-i)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.String())
	}
	if e.Err != nil {
		fmt.Fprintf(&b, " (%v)", e.Err)
	}
	return b.String()
}

// String returns the error as a sentence: "items.0.sku is required".
func (f FieldError) String() string {
	name := "the " + cmp.Or(f.In, "body")
	if f.Path != "" {
		name = strings.NewReplacer("/", ".", "~1", "/", "~0", "~").Replace(f.Path[1:])
	}
	return name + " " + f.Message
}

// StatusCode returns the status that answers the request.
func (e *Errors) StatusCode() int { return cmp.Or(e.Status, http.StatusUnprocessableEntity) }

// PublicMessage returns what is wrong with the first of the fields, as a
// sentence: "name is required".
func (e *Errors) PublicMessage() string {
	if len(e.Fields) == 0 {
		return ""
	}
	return e.Fields[0].String()
}

// ProblemMembers returns the fields as the member "errors" of a problem
// document.
func (e *Errors) ProblemMembers() map[string]any {
	return map[string]any{"errors": append([]FieldError{}, e.Fields...)}
}

// All returns the fields in order.
func (e *Errors) All() iter.Seq[FieldError] { return slices.Values(e.Fields) }

// Unwrap returns the cause.
func (e *Errors) Unwrap() error { return e.Err }

// maxFields bounds what a hostile body makes of an answer.
const maxFields = 50

// wrong returns the fields as an error, nil if there are none. Of a great many
// it is the first ones.
func wrong(status int, fields []FieldError, cause error) error {
	if len(fields) == 0 {
		return nil
	}
	slices.SortStableFunc(fields, func(a, b FieldError) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
	return &Errors{Status: status, Fields: slices.Clip(fields[:min(len(fields), maxFields)]), Err: cause}
}
