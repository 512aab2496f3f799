package bodyparser_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/apiece/apiece/bodyparser"
)

// FuzzJSON: a body is accepted if encoding/json accepts it, it is UTF-8, and it
// is within the depth; the check before the handler refuses what a decoder does
// not detect.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,"x\u00e9\ud800",null,true,false]}`, `[[[[[]]]]]`, `"\/"`, "\xef\xbb\xbf{}", `{"a":1}{}`,
		`{"V":[1.50,-0,"a\"b\\\u0041\ud83d\ude00\ud83dx"]}`, `[1e400]`, `{"a":{"a":"a"},"b":[[],{}]}`,
		`-`, `01`, `1.`, `1e`, `[,]`, `{"a"}`, `nul`, "\"\x7f\u2028\"", `{"a":1,"\u0061":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		const depth = 4
		cfg := bodyparser.Config{MaxDepth: depth}
		text := []byte(strings.TrimPrefix(string(data), "\uFEFF"))
		want := json.Valid(text) && utf8.Valid(text) && depthOf(text) <= depth

		b, err := bodyparser.Parse(nil, post(jsonType, string(data)), cfg)
		if (err == nil) != want {
			t.Fatalf("%q: %v, want accepted %v", data, err, want)
		}
		if err == nil {
			sameValue(t, text, b)
		}
		var e *bodyparser.Error
		if err != nil && (!errors.As(err, &e) || e.Status != 400 || e.Offset < 0 || e.Offset > int64(len(text))) {
			t.Fatalf("%q: %v", data, err)
		}
		var raw json.RawMessage
		pooled := parsePooled(nil, post(jsonType, string(data)), cfg, func(b *bodyparser.Body) error { return b.Decode(&raw) })
		if (pooled == nil) != want {
			t.Fatalf("%q: the decoder says %v, the check %v", data, pooled, err)
		}
		if _, unique := bodyparser.Parse(nil, post(jsonType, string(data)), bodyparser.Config{MaxDepth: depth, UniqueKeys: true}); unique == nil && !want {
			t.Fatalf("%q: accepted for its unique keys", data)
		}
	})
}

// sameValue compares the value of the body with that of encoding/json.
func sameValue(t *testing.T, text []byte, b *bodyparser.Body) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var want any
	if err := d.Decode(&want); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var floats any
	inRange := json.Unmarshal(text, &floats) == nil
	got, err := b.Value()
	if (err == nil) != inRange || err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: %#v, %v; encoding/json has %#v", text, got, err, want)
	}
	var nested struct{ V any }
	var within struct{ V json.RawMessage }
	if json.Unmarshal(text, &within) == nil {
		err := b.Decode(&nested)
		if m, _ := want.(map[string]any); err == nil && len(m) == 1 && m["V"] != nil && !reflect.DeepEqual(nested.V, m["V"]) {
			t.Fatalf("%q: a field is %#v, %v; want %#v", text, nested.V, err, m["V"])
		}
	}
}

// depthOf returns how deeply valid JSON nests.
func depthOf(text []byte) (deepest int) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
			deepest = max(deepest, depth)
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
	}
}

// FuzzContentType: an accepted type is one that package mime finds too, with
// only one reading of the charset.
func FuzzContentType(f *testing.F) {
	for _, seed := range []string{
		"application/json", "text/plain; charset=utf-8", `a/b; c="\"d\\"`, "a/b;;", "a/b; c", "a/b, c/d", "A/B ; X=y", `a/b; charset="utf-8"; x=1`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		r := post("", "{}")
		r.Header["Content-Type"] = []string{field}
		b, err := bodyparser.Parse(nil, r, bodyparser.Config{})
		if err != nil {
			if statusOf(err) != 415 && statusOf(err) != 400 {
				t.Fatalf("%q: %v", field, err)
			}
			return
		}
		if field == "" {
			return
		}
		name, _, err := mime.ParseMediaType(field)
		if err == nil && name != b.MediaType() {
			t.Fatalf("%q: %q, package mime has %q", field, b.MediaType(), name)
		}
		if main, sub, ok := strings.Cut(b.MediaType(), "/"); !ok || main == "" || sub == "" || b.MediaType() != strings.ToLower(b.MediaType()) {
			t.Fatalf("%q: %q", field, b.MediaType())
		}
	})
}

// FuzzForm: a form is accepted if net/url finds no error in it, with the same
// result.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"a=1&b=2", "a", "=", "&&", "a=%zz", "a;b", "a=b=c", "%", "+=+", "a=1&a=2", "\xff=%ff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain := strings.TrimPrefix(text, "\uFEFF")
		want, wrong := url.ParseQuery(plain)
		b, err := bodyparser.Parse(nil, post(formType, text), bodyparser.Config{MaxPairs: -1})
		if err == nil {
			if _, like := b.Form(); like != nil && statusOf(like) == 415 && strings.ContainsAny(strings.TrimSpace(plain)[:1], "{[") {
				return // it looks like JSON
			}
		}
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%q: %v, net/url says %v", text, err, wrong)
		}
		if err != nil {
			return
		}
		got, err := b.Form()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %q, %v; net/url has %q", text, got, err, want)
		}
	})
}

// FuzzFormCharset: a name or a value is the result of net/url, in the charset of
// the form.
func FuzzFormCharset(f *testing.F) {
	for _, seed := range []string{"a=%E9&b=\xe9", "a=%83A", "a=%80+\x80&=&", "%B2%E2=%CA%D4", "a=%zz", "a=1;b", "a=%810%846", "a=%1B%24B%25%22"} {
		f.Add(seed)
	}
	charsets := map[string]encoding.Encoding{
		"windows-1252": charmap.Windows1252, "shift_jis": japanese.ShiftJIS, "gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030,
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, wrong := url.ParseQuery(text)
		for name, charset := range charsets {
			b, err := bodyparser.Parse(nil, post(formType+"; charset="+name, text), bodyparser.Config{MaxPairs: -1})
			if (err == nil) != (wrong == nil) {
				t.Fatalf("%s: %q: %v, net/url says %v", name, text, err, wrong)
			}
			if err != nil {
				continue
			}
			got, err := b.Form()
			if err != nil {
				if strings.ContainsAny(text, "{[") && statusOf(err) == 415 {
					continue // it looks like JSON
				}
				t.Fatalf("%s: %q: %v", name, text, err)
			}
			count := 0
			for name, list := range values {
				name, _ = charset.NewDecoder().String(name)
				for _, value := range list {
					count++
					if value, _ = charset.NewDecoder().String(value); !slices.Contains(got[name], value) {
						t.Fatalf("%q has %q, and not %q=%q", text, got, name, value)
					}
				}
			}
			for _, list := range got {
				count -= len(list)
			}
			if count != 0 {
				t.Fatalf("%s: %q has %q, net/url %q", name, text, got, values)
			}
		}
	})
}
