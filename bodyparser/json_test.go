package bodyparser_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
)

func TestParseJSON(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, test := range []struct {
		why    string
		cfg    bodyparser.Config
		body   string
		offset int64 // of the error, -1 if there is none
	}{
		{"as deep as the default", bodyparser.Config{}, nested(512), -1},
		{"one deeper", bodyparser.Config{}, nested(513), 512},
		{"objects count too", bodyparser.Config{}, objects(513), 512 * 5},
		{"wide is not deep", bodyparser.Config{}, "[" + strings.Repeat("[],", 2000) + "{}]", -1},
		{"brackets in strings are none", bodyparser.Config{}, `["` + strings.Repeat(`[{\"`, 2000) + `"]`, -1},
		{"nor behind an escaped backslash", bodyparser.Config{}, `["` + strings.Repeat(`[\\`, 2000) + `"]`, -1},
		{"a string ends where it ends", bodyparser.Config{}, `["\\\\\"",` + nested(512) + `]`, 521},
		{"and others follow", bodyparser.Config{}, `["[","]",` + nested(511) + `,` + strings.Repeat("[],", 2000) + `""]`, -1},
		{"a string without an end", bodyparser.Config{}, strings.Repeat("[", 600) + `"\`, 512},
		{"a bound of one's own", bodyparser.Config{MaxDepth: 2}, nested(3), 2},
		{"no bound, up to that of encoding/json", bodyparser.Config{MaxDepth: -1}, nested(10_000), -1},
		{"beyond it", bodyparser.Config{MaxDepth: -1}, nested(10_001), 10_000},
		{"two values", bodyparser.Config{}, `{} {}`, 3},
		{"trailing garbage", bodyparser.Config{}, `{}x`, 2},
		{"nothing but space", bodyparser.Config{}, ` `, 1},
		{"a byte order mark is no part of it", bodyparser.Config{}, "\xef\xbb\xbf{}", -1},
		{"two byte order marks", bodyparser.Config{}, "\xef\xbb\xbf\xef\xbb\xbf{}", 0},
		{"invalid UTF-8 in a string", bodyparser.Config{}, "[\"a\xff\"]", 3},
		{"an overlong form", bodyparser.Config{}, "[\"\xc0\xaf\"]", 2},
		{"a surrogate in UTF-8", bodyparser.Config{}, "[\"\xed\xa0\x80\"]", 2},
		{"a control character", bodyparser.Config{}, "[\"a\nb\"]", 3},
		{"a bad escape", bodyparser.Config{}, `["\x"]`, 2},
		{"half an escape", bodyparser.Config{}, `["\u12"]`, 2},
		{"a leading zero", bodyparser.Config{}, `[01]`, 2},
		{"no digit behind the point", bodyparser.Config{}, `[1.]`, 3},
		{"no digit in the exponent", bodyparser.Config{}, `[1e+]`, 4},
		{"a trailing comma", bodyparser.Config{}, `[1,]`, 3},
		{"a key that is no string", bodyparser.Config{}, `{1:2}`, 1},
		{"a colon missing", bodyparser.Config{}, `{"a" 2}`, 5},
		{"the same key twice is the last", bodyparser.Config{}, `{"a":1,"a":2}`, -1},
		{"unless that is refused", bodyparser.Config{UniqueKeys: true}, `{"a":1,"a":2}`, 7},
		{"in another spelling", bodyparser.Config{UniqueKeys: true}, `{"a":1,"\u0061":2}`, 7},
		{"in an object within", bodyparser.Config{UniqueKeys: true}, `{"a":[{"b":1,"b":2}]}`, 13},
		{"or in another case, which is the same field of a struct", bodyparser.Config{UniqueKeys: true}, `{"admin":false,"Admin":true}`, 15},
		{"by the rules of Unicode, as encoding/json has them", bodyparser.Config{UniqueKeys: true}, `{"k":1,"\u212a":2}`, 7},
		{"a key that is no other", bodyparser.Config{UniqueKeys: true}, `{"ab":1,"a_b":2,"a":3,"":4}`, -1},
		{"but not in two objects", bodyparser.Config{UniqueKeys: true}, `[{"a":1},{"a":{"a":2}}]`, -1},
	} {
		// Once before the handler, and once by the decoder alone.
		_, err := bodyparser.Parse(nil, post(jsonType, test.body), test.cfg)
		pooled := parsePooled(nil, post(jsonType, test.body), test.cfg, func(b *bodyparser.Body) error {
			var v any
			return b.Decode(&v)
		})
		for _, err := range []error{err, pooled} {
			if test.offset < 0 {
				if err != nil {
					t.Errorf("%s: %v", test.why, err)
				}
				continue
			}
			var e *bodyparser.Error
			if !errors.As(err, &e) || e.Status != 400 || e.Message != "Invalid JSON" || e.Offset != test.offset {
				t.Errorf("%s: %v, want an error at offset %d", test.why, err, test.offset)
			}
		}
	}
}

func TestBodyDecode(t *testing.T) {
	type user struct {
		Name string `json:"name"`
		Age  int    `json:"age"`
	}
	var u user
	if err := parse(t, jsonType, `{"NAME":"x","age":7,"more":1}`).Decode(&u); err != nil || u != (user{"x", 7}) {
		t.Errorf("%+v, %v", u, err)
	}
	if err := parse(t, jsonType, "").Decode(&u); err != nil || u != (user{"x", 7}) {
		t.Errorf("an empty body changes nothing in a struct: %+v, %v", u, err)
	}
	if err := parse(t, jsonType, `{"age":"seven"}`).Decode(&u); statusOf(err) != 400 {
		t.Errorf("a value of another type: %v", err)
	}
	var m map[string]any
	if err := parse(t, jsonType, `{"n":12345678901234567890}`).Decode(&m); err != nil || m["n"] != json.Number("12345678901234567890") {
		t.Errorf("%v, %v", m, err)
	}
	for _, text := range []string{`{"n":1e400}`, `[[-1e999]]`, strings.Repeat("9", 400)} {
		var v any
		if err := parse(t, jsonType, text).Decode(&v); statusOf(err) != 400 {
			t.Errorf("%.20s: a number beyond float64: %v", text, err)
		}
	}
	for _, contentType := range []string{"", "text/plain", formType} {
		if err := parse(t, contentType, "x").Decode(&u); statusOf(err) != 415 {
			t.Errorf("Decode of %q: %v", contentType, err)
		}
	}
	if _, err := parse(t, jsonType, "{}").Form(); statusOf(err) != 415 {
		t.Errorf("Form of JSON: %v", err)
	}
}

func TestConfigUnmarshal(t *testing.T) {
	calls := 0
	cfg := bodyparser.Config{Unmarshal: func(data []byte, dst any) error {
		calls++
		if string(data) != `["x"]` {
			t.Errorf("was given %q", data)
		}
		return json.Unmarshal(data, dst)
	}}
	b, err := bodyparser.Parse(nil, post(jsonType, "\xef\xbb\xbf[\"x\"]"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := b.Decode(&got); err != nil || calls != 1 || !reflect.DeepEqual(got, []string{"x"}) {
		t.Errorf("%v, %v after %d calls", got, err, calls)
	}
	if _, err := bodyparser.Parse(nil, post(jsonType, "[\"\xff\"]"), cfg); statusOf(err) != 400 || calls != 1 {
		t.Errorf("invalid UTF-8 reached the decoder: %v", err)
	}
}

// TestMaxValuesLimitsMemory: the number of values limits the memory of a body, as does its
// length.
func TestMaxValuesLimitsMemory(t *testing.T) {
	list := func(n int) string { return "[" + strings.Repeat("0,", n-2) + "0]" } // n including the list itself
	for _, test := range []struct {
		why    string
		cfg    bodyparser.Config
		body   string
		refuse bool
	}{
		{"as many as the default", bodyparser.Config{}, list(131_072), false},
		{"one more", bodyparser.Config{}, list(131_073), true},
		{"objects", bodyparser.Config{}, "[" + strings.Repeat("{},", 131_071) + "{}]", true},
		{"nearly as large, in fields", bodyparser.Config{}, "[" + strings.Repeat(`{"id":12345,"name":"Ada"},`, 40_000) + "{}]", false},
		{"commas in strings are no values", bodyparser.Config{}, `["` + strings.Repeat(",[", 200_000) + `"]`, false},
		{"a smaller limit on the body", bodyparser.Config{Limit: 20_001}, list(10_000), false},
		{"and one more", bodyparser.Config{Limit: 20_001}, list(10_001), true},
		{"a larger one", bodyparser.Config{Limit: 4 << 20}, list(500_000), false},
		{"no limit on the body", bodyparser.Config{Limit: -1}, list(500_000), false},
		{"a bound of one's own", bodyparser.Config{MaxValues: 3}, `{"a":[1]}`, false},
		{"exceeded", bodyparser.Config{MaxValues: 3}, `{"a":[1,2]}`, true},
		{"no bound", bodyparser.Config{MaxValues: -1}, list(500_000), false},
		{"a limit that is more than an int can be", bodyparser.Config{Limit: 8 << 32}, list(20_000), false},
	} {
		_, parsed := bodyparser.Parse(nil, post(jsonType, test.body), test.cfg)
		pooled := parsePooled(nil, post(jsonType, test.body), test.cfg, func(b *bodyparser.Body) error {
			var v any
			return b.Decode(&v)
		})
		for _, err := range []error{parsed, pooled} {
			var e *bodyparser.Error
			refused := errors.As(err, &e) && e.Status == 413 && e.Message == "Too many values"
			if refused != test.refuse || !refused && err != nil {
				t.Errorf("%s: %v", test.why, err)
			}
		}
	}
}

// TestParseJSONBrokenOff: a text that ends where a value should begin is malformed, even
// without a limit on values.
func TestParseJSONBrokenOff(t *testing.T) {
	for _, body := range []string{"[", "[[", `[""`, "[1,", `{"a":`} {
		for _, cfg := range []bodyparser.Config{{}, {MaxValues: -1}, {Limit: -1}} {
			if _, err := bodyparser.Parse(nil, post(jsonType, body), cfg); statusOf(err) != 400 {
				t.Errorf("%s, MaxValues: %d, Limit: %d: %v, want a 400", body, cfg.MaxValues, cfg.Limit, err)
			}
		}
	}
}
