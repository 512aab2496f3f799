package jsonread_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/jsonread"
)

// TestDecodeInTurn: a reused decoder does not show one text in the next, whatever was
// wrong with it.
func TestDecodeInTurn(t *testing.T) {
	type plain struct{ A int }
	type open struct{ A any }
	n := json.Number("9007199254740993")
	large := strings.Repeat("x", 100<<10)
	tests := []struct {
		text   string
		rules  jsonread.Rules
		dst    any
		want   any
		offset int64 // of a fault, -1 for none
		fits   bool
	}{
		{` {"a":1} `, jsonread.Rules{Strict: true}, new(plain), plain{1}, -1, true},
		{`{"b":1}`, jsonread.Rules{Strict: true}, new(plain), plain{}, -1, false},
		{`{"b":1}`, jsonread.Rules{}, new(plain), plain{}, -1, true},
		{`{"a":"x"}`, jsonread.Rules{Strict: true}, new(plain), plain{}, -1, false},
		{`{"a":1} {"a":2}`, jsonread.Rules{Strict: true}, new(plain), plain{}, 8, false},
		{`{"a":1}]`, jsonread.Rules{}, new(open), open{}, 7, false},
		{`{"a":1`, jsonread.Rules{}, new(open), open{}, 6, false},
		{`{"a":9007199254740993}`, jsonread.Rules{}, new(open), open{n}, -1, true},
		{`{"a":9007199254740993}` + "\n\n", jsonread.Rules{Strict: true, Checked: true}, new(open), open{n}, -1, true},
		{`{"a":[{"b":9007199254740993}]}`, jsonread.Rules{Strict: true}, new(open), open{[]any{map[string]any{"b": n}}}, -1, true},
		{`{"a":1,"b":1}`, jsonread.Rules{Strict: true}, new(open), open{json.Number("1")}, -1, false},
		{`{"a":1e999}`, jsonread.Rules{Strict: true, Checked: true}, new(open), open{}, 5, false},
		{`{"a":"` + large + `"}`, jsonread.Rules{}, new(open), open{large}, -1, true},
		{`{"a":[[1]]}`, jsonread.Rules{MaxDepth: 2}, new(open), open{}, 6, false},
		{`{"a":[1,2]}`, jsonread.Rules{MaxValues: 3}, new(open), open{}, 8, false},
		{`{"a":1,"A":2}`, jsonread.Rules{Unique: true}, new(plain), plain{}, 7, false},
		{"{\"a\":\"\xff\"}", jsonread.Rules{}, new(open), open{}, 6, false},
	}
	for range 3 {
		for _, test := range tests {
			rules := test.rules
			if rules.MaxDepth == 0 {
				rules.MaxDepth = -1
			}
			if rules.MaxValues == 0 {
				rules.MaxValues = -1
			}
			dst := reflect.New(reflect.TypeOf(test.dst).Elem())
			err := jsonread.Decode([]byte(test.text), dst.Interface(), rules)
			offset := int64(-1)
			if fault, ok := errors.AsType[*jsonread.Fault](err); ok {
				offset = fault.Offset
			}
			if (err == nil) != test.fits || offset != test.offset {
				t.Errorf("%.40s: %v, at %d, want %d", test.text, err, offset, test.offset)
			}
			if got := dst.Elem().Interface(); test.fits && !reflect.DeepEqual(got, test.want) {
				t.Errorf("%.40s: %.40v, want %.40v", test.text, got, test.want)
			}
		}
	}
}

// TestValueEscapes: the text of a string is the one of encoding/json.
func TestValueEscapes(t *testing.T) {
	for _, text := range []string{
		`""`, `"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u0041\u00e9\u20ac"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`,
		`"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\uD83D\uDE00é"`, `"\u0000"`, `"aaaaaaaa\\"`, `"aaaaaaaaaaaaaaaa\u0062"`, "\"\u2028\x7f\"",
	} {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		for _, in := range []string{text, `{` + text + `:` + text + `}`} {
			got, err := jsonread.Value([]byte(in), jsonread.Rules{MaxDepth: -1, MaxValues: -1})
			if in != text {
				fields, _ := got.(map[string]any)
				got = fields[want]
			}
			if err != nil || got != want {
				t.Errorf("%s: %q, %v, want %q", in, got, err, want)
			}
		}
	}
}
