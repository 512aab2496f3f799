package bind

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/apiece/apiece/internal/jsonread"
)

// newDefaultDecoder returns a formDecoder for defaults. They come from the service, so no
// limits apply.
func newDefaultDecoder() *formDecoder {
	return &formDecoder{
		limits: limits{rows: -1, elements: -1},
		json:   &codec{rules: jsonread.Rules{MaxDepth: -1, MaxValues: -1}},
	}
}

// checkDefaults refuses defaults in the schema tags of fields that no client
// can name by them: they would have no effect.
func checkDefaults(t reflect.Type) error {
	var errs []error
	for _, s := range structs(t, nil) {
		if isText(s) || isJSON(s) {
			continue // which sets its own fields
		}
		members := fromForm.Members(s)
		for i := range s.NumField() {
			f := s.Field(i)
			if _, given := defaultOf(f, schemaTag); !given {
				continue
			}
			if place, _ := placeOf(f); place != "" {
				errs = append(errs, fmt.Errorf("bind: %v.%s has a default in its schema tag, which is not read: a field from elsewhere has it in its %s tag", s, f.Name, place))
			} else if !slices.ContainsFunc(members, func(m member) bool { return slices.Equal(m.Index, []int{i}) }) {
				errs = append(errs, fmt.Errorf("bind: %v.%s has a default, and is no field that a client can name: nothing would read it", s, f.Name))
			}
		}
	}
	return errors.Join(errs...)
}
