package mediatype_test

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/mediatype"
	"github.com/apiece/apiece/internal/testkit"
)

// numbered returns n parameters of different names.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";p%d=x", i)
	}
	return b.String()
}

// TestParse: what is not one media type by RFC 9110 is not valid, and keeps its name if
// only a parameter is at fault.
func TestParse(t *testing.T) {
	for _, test := range []struct {
		why, text string
		ok        bool
		name      string
		params    string // in order
	}{
		{"a type alone", "application/json", true, "application/json", ""},
		{"a name is in lower case, a value as written", "Text/HTML; Charset=UTF-8", true, "text/html", "charset=UTF-8"},
		{"several parameters", "a/b;c=d;e=f", true, "a/b", "c=d e=f"},
		{"spaces around", " a/b ;\tc=d ; e=f\t", true, "a/b", "c=d e=f"},
		{"empty parameters", "a/b;; ;c=d;", true, "a/b", "c=d"},
		{"a quoted value", `a/b; c="d;e, f=\"g\\"`, true, "a/b", `c=d;e, f="g\`},
		{"an escape that was not needed", `a/b; c="\d"`, true, "a/b", "c=d"},
		{"an empty quoted value", `a/b; c=""`, true, "a/b", "c="},
		{"every byte of a token", "!#$%&'*+-.^_`|~09/az", true, "!#$%&'*+-.^_`|~09/az", ""},
		{"as many parameters as there may be", "a/b" + numbered(32), true, "a/b", strings.ReplaceAll(numbered(32), ";", " ")[1:]},

		{"nothing", "", false, "", ""},
		{"spaces", " \t", false, "", ""},
		{"parameters alone", ";charset=utf-8", false, "", ""},
		{"no slash", "json", false, "", ""},
		{"no type", "/json", false, "", ""},
		{"no subtype", "application/", false, "", ""},
		{"two slashes", "a/b/c", false, "", ""},
		{"two types", "text/plain, application/json", false, "", ""},
		{"two types and a parameter", "text/plain; charset=utf-8, application/json", false, "text/plain", ""},
		{"a space before the slash", "a /b", false, "", ""},
		{"a space after the slash", "a/ b", false, "", ""},
		{"a line break", "a/b\r\n", false, "", ""},
		{"a byte that is not ASCII", "a/é", false, "", ""},
		{"a quoted type", `"a"/b`, false, "", ""},
		{"a parameter twice", "a/b; c=d; C=d", false, "a/b", ""},
		{"a parameter without a value", "a/b; c", false, "a/b", ""},
		{"a parameter with an empty value", "a/b; c=", false, "a/b", ""},
		{"a parameter without a name", "a/b; =d", false, "a/b", ""},
		{"a name in quotes", `a/b; "c"=d`, false, "a/b", ""},
		{"a space before the equals sign", "a/b; c =d", false, "a/b", ""},
		{"a space after it", "a/b; c= d", false, "a/b", ""},
		{"a space in a value", "a/b; c=d e", false, "a/b", ""},
		{"a slash in a value", "a/b; c=d/e", false, "a/b", ""},
		{"a quote that does not end", `a/b; c="d`, false, "a/b", ""},
		{"a quote that ends in an escape", `a/b; c="d\`, false, "a/b", ""},
		{"text after a quoted value", `a/b; c="d"e`, false, "a/b", ""},
		{"a parameter right after a quoted value", `a/b; c="d"e=f`, false, "a/b", ""},
		{"a space in place of a semicolon", "a/b; c=d e=f", false, "a/b", ""},
		{"a comma in place of a semicolon", "a/b; c=d,e=f", false, "a/b", ""},
		{"a control byte in a quoted value", "a/b; c=\"\x00\"", false, "a/b", ""},
		{"too many parameters", "a/b" + numbered(33), false, "a/b", ""},
	} {
		got, ok := mediatype.Parse(test.text)
		var params []string
		for name, value := range got.All() {
			params = append(params, name+"="+value)
			if got.Param(name) != value {
				t.Errorf("%s: Param(%q) is %q, want %q", test.why, name, got.Param(name), value)
			}
		}
		if list := strings.Join(params, " "); ok != test.ok || got.Name != test.name || list != test.params {
			t.Errorf("%s: %q is %q with %q, %t; want %q with %q, %t", test.why, test.text, got.Name, list, ok, test.name, test.params, test.ok)
		}
		if got.Param("absent") != "" {
			t.Errorf("%s: a parameter that is not there", test.why)
		}
	}
}

// TestOf: a request has one Content-Type or none.
func TestOf(t *testing.T) {
	for _, test := range []struct {
		why    string
		fields []string
		name   string
		ok     bool
	}{
		{"no field", nil, "", true},
		{"an empty field", []string{""}, "", true},
		{"a field", []string{"text/plain; charset=utf-8"}, "text/plain", true},
		{"JSON", []string{"application/json"}, "application/json", true},
		{"two fields", []string{"text/plain", "text/plain"}, "", false},
		{"an empty field and another", []string{"", "text/plain"}, "", false},
		{"spaces", []string{" "}, "", false},
		{"as long as a type may be", []string{"text/plain;x=" + strings.Repeat("x", 987)}, "text/plain", true},
		{"longer", []string{"text/plain;x=" + strings.Repeat("x", 988)}, "", false},
	} {
		h := http.Header{}
		if test.fields != nil {
			h["Content-Type"] = test.fields
		}
		if got, ok := mediatype.Of(h); got.Name != test.name || ok != test.ok {
			t.Errorf("%s: %q, %t; want %q, %t", test.why, got.Name, ok, test.name, test.ok)
		}
	}
}

// TestIs: of a response only the type counts, whatever follows.
func TestIs(t *testing.T) {
	const name = "text/event-stream"
	for text, want := range map[string]bool{
		name: true, " TEXT/event-stream\t;charset=utf-8": true, name + ";": true, name + "; charset": true,
		"": false, "text/event-stream-x": false, "x-text/event-stream": false, "text/event-stream x": false,
		"text/event-stream, text/plain": false, "text/plain; " + name: false, "text/event": false,
	} {
		if got := mediatype.Is(text, name); got != want {
			t.Errorf("Is(%q) is %t", text, got)
		}
		if got := mediatype.Essence(text) == name; got != want {
			t.Errorf("Essence(%q) is %q", text, mediatype.Essence(text))
		}
	}
}

func TestEqual(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"text/html", "TEXT/html", true},
		{"text/html;charset=utf-8", `text/html; Charset="UTF-8"`, true},
		{"a/b; c=d; e=f", "a/b; e=f; c=d", true},
		{"a/b", "a/c", false},
		{"a/b; c=d", "a/b", false},
		{"a/b", "a/b; c=d", false},
		{"a/b; c=d", "a/b; c=D", false},
		{"a/b; c=d", "a/b; e=d", false},
	} {
		a, _ := mediatype.Parse(test.a)
		b, _ := mediatype.Parse(test.b)
		if a.Equal(b) != test.want || b.Equal(a) != test.want {
			t.Errorf("%q equals %q: %t, want %t", test.a, test.b, a.Equal(b), test.want)
		}
	}
}

func TestMediaTypeAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	if n := testing.AllocsPerRun(100, func() {
		typ, _ := mediatype.Of(h)
		_ = typ.Param("charset")
		_ = mediatype.Is("application/json", "text/event-stream") || mediatype.Is("text/event-stream; charset=utf-8", "text/event-stream")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: what is valid here is so for package mime, with the same parameters.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"application/json", "text/plain; charset=utf-8", `a/b; c="\"d\\"`, "a/b;;", "a/b; c", "a/b, c/d", "A/B ; X=y", "multipart/form-data; boundary=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := mediatype.Parse(text)
		if !ok {
			return
		}
		if got.Name != mediatype.Essence(text) || !mediatype.Is(text, got.Name) || !got.Equal(got) {
			t.Fatalf("%q: %q", text, got.Name)
		}
		// Package mime knows no empty parameters and keeps most backslashes; it joins
		// the parts of a parameter with a star in its name.
		if strings.Contains(text, `\`) || strings.Contains(text, "*") {
			return
		}
		written := got.Name
		params := map[string]string{}
		for name, value := range got.All() {
			params[name] = value
			written += "; " + name + `="` + value + `"`
		}
		name, want, err := mime.ParseMediaType(written)
		if err == nil && (name != got.Name || !maps.Equal(params, want)) {
			t.Fatalf("%q: %q, %q; package mime has %q, %q", text, got.Name, params, name, want)
		}
	})
}
