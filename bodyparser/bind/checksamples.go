package bind

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// sampleTexts are texts of the kinds that types and rules know: one accepted by
// each rule that reads text, except for rules that access the file system.
var sampleTexts = []string{
	"1", "0", "-1", "18", "42", "100", "276", "978", "1.5", "1e3", "79927398713", "4111111111111111", "true", "false",
	"a", "A", "abc", "a b", "é", "permission", "{}", "[]", "[1]",
	"2006-01-02", "2006-01-02T15:04:05Z", "2006-01-02 15:04:05", "15:04:05", "15:04", "2006-01", "1h30m", "P1DT2H", "Europe/Berlin", "0 5 * * *",
	"a@b.example", "https://example.com/", "https://example.com", "example.com", "example.com:80", "/a", "+14155550123", "urn:isbn:0451450523",
	"192.0.2.1", "2001:db8::1", "192.0.2.0/24", "2001:db8::/32", "192.0.2.1:80", "[2001:db8::1]:80", "00:00:5e:00:53:01",
	"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6fa459ea-ee8a-3ca4-894e-db77e160355e", "16fd2706-8baf-433b-82eb-8c7fada847da",
	"886313e1-3b8a-5372-9b90-0c9aee199e5d", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	"MQ==", "GE======", "data:text/plain;base64,MQ==", "a.b.c", "image/png", "text/plain", "<p>", "&amp;", "1.2.3", "CVE-2024-12345",
	"#ff8800", "rgb(255, 136, 0)", "rgba(255, 136, 0, 0.5)", "hsl(32, 100%, 50%)", "hsla(32, 100%, 50%, 0.5)", "cmyk(0%, 47%, 100%, 0%)",
	"978-3-16-148410-0", "0-306-40615-2", "2049-3630", "123-45-6789", "12-3456789",
	"10115", "DE", "DEU", "DE-BE", "EUR", "en-US", "DEUTDEFF", "mongodb://localhost",
	"0x52908400098527886E0F7030069857D2E4169EE7", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
	strings.Repeat("a1", 12), strings.Repeat("a1", 16), strings.Repeat("a1", 20), strings.Repeat("a1", 24),
	strings.Repeat("a1", 32), strings.Repeat("a1", 48), strings.Repeat("a1", 64),
}

// samples returns values of the type: one in which nothing is empty, those that
// its own text or JSON method makes of the sample texts, and the zero value.
func (rc *ruleChecker) samples(t reflect.Type) []reflect.Value {
	all, ok := rc.values[t]
	if !ok {
		all = append([]reflect.Value{filled(t, 0)}, valuesOfTexts(t, sampleTexts...)...)
		all = append(all, reflect.Zero(t))
		rc.values[t] = all
	}
	return all
}

// valuesOfTexts returns the nonzero values that the type itself makes of texts.
func valuesOfTexts(t reflect.Type, texts ...string) (all []reflect.Value) {
	for _, text := range texts {
		if v, ok := valueOfText(t, text); ok {
			all = append(all, v)
		}
	}
	return all
}

// valueOfText returns the value that the type makes of a text: as bytes, as JSON, as
// a string in JSON, or as text.
func valueOfText(t reflect.Type, text string) (v reflect.Value, ok bool) {
	if isBytes(t) && !isText(t) && !isJSON(t) {
		return reflect.ValueOf([]byte(text)).Convert(t), true
	}
	quoted, _ := json.Marshal(text)
	for _, parse := range []func(any) error{
		func(dst any) error { return json.Unmarshal([]byte(text), dst) },
		func(dst any) error { return json.Unmarshal(quoted, dst) },
		func(dst any) error {
			if u, ok := dst.(encoding.TextUnmarshaler); ok {
				return u.UnmarshalText([]byte(text))
			}
			return nil
		},
	} {
		v = reflect.New(t)
		passed, _ := catch(func() error { return parse(v.Interface()) })
		if passed && !v.Elem().IsZero() {
			return v.Elem(), true
		}
	}
	return v, false
}

// filled returns a value of the type in which nothing is empty, with a depth
// limit for recursive types.
func filled(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 4 {
		return v
	}
	if !isOptional(t) && (isJSON(t) || isText(t)) {
		i := slices.IndexFunc(sampleTexts, func(text string) bool {
			own, ok := valueOfText(t, text)
			if ok {
				v.Set(own)
			}
			return ok
		})
		if i >= 0 {
			return v
		}
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(filled(t.Elem(), depth).Addr())
	case reflect.Slice:
		v.Set(reflect.Append(v, filled(t.Elem(), depth+1)))
	case reflect.Array:
		for i := range min(v.Len(), 1) {
			v.Index(i).Set(filled(t.Elem(), depth+1))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		if key := filled(t.Key(), depth+1); key.Comparable() {
			v.SetMapIndex(key, filled(t.Elem(), depth+1))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if v.Field(i).CanSet() {
				v.Field(i).Set(filled(t.Field(i).Type, depth+1))
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	}
	return v
}
