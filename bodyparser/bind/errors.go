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

// Errors are the invalid fields of a request, sorted by path. A handler may
// return its own, for checks that only it can make, such as a name that is
// taken:
//
//	return &bind.Errors{Fields: []bind.FieldError{{Path: "/name", Rule: "unique", Message: "is taken"}}}
type Errors struct {
	// Status is 400 if a value has the wrong type, and 422 if all types are
	// right but a rule is broken. 0 is 422.
	Status int

	// Fields are the invalid fields. Those that bind returns are sorted by Path,
	// and at most 50; those of a handler are kept as they are.
	Fields []FieldError

	// Err is the cause, for the log, or nil.
	Err error
}

// A FieldError describes what is wrong with one field. It never holds the
// value.
type FieldError struct {
	// In is where the field comes from: "path", "query", "header", "cookie", or
	// "" for the body.
	In string `json:"in,omitempty"`

	// Path is a JSON pointer (RFC 6901) in the names the client uses:
	// "/items/0/sku". It has the same form for JSON, forms and queries, with the
	// client's numbers. "" is the whole body, or all of In.
	Path string `json:"path"`

	// Rule is the tag of the validator that failed, "type" for a value of the
	// wrong type, "unknown" for an unknown field, or "index" and "duplicate"
	// for keys of a form that do not fit a list, or conflict.
	Rule string `json:"rule"`

	// Param is the parameter of the rule: "3" of min=3.
	Param string `json:"param,omitempty"`

	// Message is a phrase in English that follows the name of the field: "must
	// be an email address". Config.Message can replace it.
	Message string `json:"message"`

	// Kind is the kind of the value that broke a rule, for a Config.Message
	// that counts characters or items: min=3 is about the length of a String,
	// Slice or Map. It is not sent, and Invalid for errors that are not about a
	// rule.
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

// StatusCode returns the status of the response.
func (e *Errors) StatusCode() int { return cmp.Or(e.Status, http.StatusUnprocessableEntity) }

// PublicMessage describes the first invalid field, as a sentence: "name is
// required".
func (e *Errors) PublicMessage() string {
	if len(e.Fields) == 0 {
		return ""
	}
	return e.Fields[0].String()
}

// ProblemMembers returns the fields as the problem details member "errors".
func (e *Errors) ProblemMembers() map[string]any {
	return map[string]any{"errors": append([]FieldError{}, e.Fields...)}
}

// All returns the fields in order.
func (e *Errors) All() iter.Seq[FieldError] { return slices.Values(e.Fields) }

// Unwrap returns the cause.
func (e *Errors) Unwrap() error { return e.Err }

// maxFields limits the size of a response to a hostile body.
const maxFields = 50

// fieldErrors returns the fields as an error, nil if there are none. Of too many it
// keeps the first.
func fieldErrors(status int, fields []FieldError, cause error) error {
	if len(fields) == 0 {
		return nil
	}
	slices.SortStableFunc(fields, func(a, b FieldError) int {
		return cmp.Or(cmp.Compare(a.In, b.In), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule))
	})
	return &Errors{Status: status, Fields: slices.Clip(fields[:min(len(fields), maxFields)]), Err: cause}
}
