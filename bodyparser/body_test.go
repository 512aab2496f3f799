package bodyparser_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
)

// parse parses a request with the type and body, and fails the test if it is
// refused.
func parse(t *testing.T, contentType, body string) *bodyparser.Body {
	t.Helper()
	b, err := bodyparser.Parse(httptest.NewRecorder(), post(contentType, body), bodyparser.Config{})
	if err != nil {
		t.Fatalf("%q as %q: %v", body, contentType, err)
	}
	return b
}

func TestBodyOfEachType(t *testing.T) {
	for _, test := range []struct {
		why               string
		contentType, body string
		mediaType, text   string
		value             any
	}{
		{"JSON", jsonType, `{"a":[1,"x",null,true]}`, jsonType, `{"a":[1,"x",null,true]}`, map[string]any{"a": []any{json.Number("1"), "x", nil, true}}},
		{"an id keeps its digits", jsonType, `{"id":9007199254740993}`, jsonType, `{"id":9007199254740993}`, map[string]any{"id": json.Number("9007199254740993")}},
		{"empty JSON is an empty object", jsonType, "", jsonType, "", map[string]any{}},
		{"any +json is JSON", "application/merge-patch+json; v=1", `[]`, "application/merge-patch+json", "[]", []any{}},
		{"a form", formType, "a=1&b=2&b=3&c=%20+", formType, "a=1&b=2&b=3&c=%20+", map[string]any{"a": "1", "b": []string{"2", "3"}, "c": "  "}},
		{"an empty form", formType, "", formType, "", map[string]any{}},
		{"no type is text", "", `{"a":1}`, "", `{"a":1}`, `{"a":1}`},
		{"no type and no body", "", "", "", "", ""},
		{"text in Latin-1", "Text/Plain; charset=ISO-8859-1", "caf\xe9", "text/plain", "café", "café"},
		{"text in UTF-16 with a byte order mark that says otherwise", "text/plain; charset=utf-16le", "\xfe\xff\x00h\x00i", "text/plain", "hi", "hi"},
		{"a byte order mark", "text/plain", "\xef\xbb\xbfhi", "text/plain", "hi", "hi"},
		{"binary becomes a string only if asked for", "application/octet-stream", "a\xff\xfeb", "application/octet-stream", "a\uFFFD\uFFFDb", "a\uFFFD\uFFFDb"},
		{"text that is valid and has the replacement character", "text/plain", "a\uFFFDb", "text/plain", "a\uFFFDb", "a\uFFFDb"},
	} {
		b := parse(t, test.contentType, test.body)
		value, err := b.Value()
		if err != nil || !reflect.DeepEqual(value, test.value) {
			t.Errorf("%s: Value = %#v, %v; want %#v", test.why, value, err, test.value)
		}
		if b.Text() != test.text || b.MediaType() != test.mediaType {
			t.Errorf("%s: Text = %q, MediaType = %q", test.why, b.Text(), b.MediaType())
		}
		if string(b.Bytes()) != test.body || b.Present() != (test.body != "") {
			t.Errorf("%s: Bytes = %q, Present = %v", test.why, b.Bytes(), b.Present())
		}
	}
}

func TestParseContentType(t *testing.T) {
	for _, test := range []struct {
		why    string
		field  []string
		status int
	}{
		{"two fields leave a choice", []string{"text/plain", "application/json"}, 415},
		{"a list does too", []string{"text/plain, application/json"}, 415},
		{"a parameter given twice", []string{"application/json; charset=utf-8; Charset=utf-8"}, 415},
		{"no subtype", []string{"json"}, 415},
		{"an empty subtype", []string{"application/"}, 415},
		{"a space in the type", []string{"application /json"}, 415},
		{"a parameter without a value", []string{"application/json; charset"}, 415},
		{"a parameter with an empty value", []string{"application/json; charset="}, 415},
		{"a quote that does not end", []string{`application/json; charset="utf-8`}, 415},
		{"something behind a quoted value", []string{`application/json; charset="utf-8"x`}, 415},
		{"an unknown charset", []string{"application/json; charset=klingon"}, 415},
		{"a charset that browsers refuse", []string{"text/plain; charset=hz-gb-2312"}, 415},
		{"UTF-7 hides markup", []string{"text/plain; charset=utf-7"}, 415},
		{"more parameters than anybody needs", []string{"text/plain" + strings.Repeat(";a", 1) + manyParameters(100)}, 415},
		{"the empty field is none", []string{""}, 200},
		{"longer than any type", []string{"application/json;x=" + strings.Repeat("x", 982)}, 415},
		{"as long as a type may be", []string{"application/json;x=" + strings.Repeat("x", 981)}, 200},
		{"an escape in a quoted value", []string{`application/json; charset="ut\f-8"`}, 200},
		{"empty parameters", []string{"application/json;; ;charset=utf-8;"}, 200},
		{"spaces around", []string{" application/json ;\tcharset=utf-8 "}, 200},
	} {
		r := post("", `{"a":1}`)
		r.Header["Content-Type"] = test.field
		_, err := bodyparser.Parse(nil, r, bodyparser.Config{})
		if got := statusOf(err); got != test.status {
			t.Errorf("%s: %q gives %d (%v), want %d", test.why, test.field, got, err, test.status)
		}
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ";p%d=x", i)
	}
	return b.String()
}

func statusOf(err error) int {
	if err == nil {
		return 200
	}
	return err.(interface{ StatusCode() int }).StatusCode()
}

func TestBodyForm(t *testing.T) {
	pairs := func(n int) string { return strings.TrimSuffix(strings.Repeat("k=v&", n), "&") }
	for _, test := range []struct {
		why    string
		cfg    bodyparser.Config
		body   string
		status int
		want   url.Values
	}{
		{"the query is not mixed in", bodyparser.Config{}, "b=1", 200, url.Values{"b": {"1"}}},
		{"bytes that are not UTF-8 stay", bodyparser.Config{}, "a=%ff", 200, url.Values{"a": {"\xff"}}},
		{"a bad escape in a name", bodyparser.Config{}, "%zz=1&a=1", 400, nil},
		{"a bad escape in a value", bodyparser.Config{}, "a=1&b=%", 400, nil},
		{"a semicolon", bodyparser.Config{}, "a=1;b=2", 400, nil},
		{"as many pairs as the default", bodyparser.Config{}, pairs(1000), 200, nil},
		{"one more", bodyparser.Config{}, pairs(1001), 413, nil},
		{"empty pairs are none", bodyparser.Config{}, "a=1" + strings.Repeat("&", 5000), 200, url.Values{"a": {"1"}}},
		{"a bound of one's own", bodyparser.Config{MaxPairs: 2}, pairs(3), 413, nil},
		{"no bound", bodyparser.Config{MaxPairs: -1}, pairs(20_000), 200, nil},
	} {
		b, err := bodyparser.Parse(nil, post(formType, test.body), test.cfg)
		if statusOf(err) != test.status {
			t.Errorf("%s: %v, want %d", test.why, err, test.status)
			continue
		}
		if test.want == nil {
			continue
		}
		if got, err := b.Form(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %v", test.why, got, err)
		}
	}
}

// TestBodyFormCharset: escapes are bytes of the charset in the Content-Type, like
// unescaped bytes.
func TestBodyFormCharset(t *testing.T) {
	for _, test := range []struct {
		why, charset, body string
		want               url.Values // nil for 400
	}{
		{"escapes in Latin-1", "iso-8859-1", "first_name=Andr%E9&%E9=1", url.Values{"first_name": {"André"}, "é": {"1"}}},
		{"bytes in Latin-1", "iso-8859-1", "first_name=Andr\xe9", url.Values{"first_name": {"André"}}},
		{"both", "windows-1252", "a=%80+\x80", url.Values{"a": {"€ €"}}},
		{"a character whose second byte is a letter", "shift_jis", "a=%83A&b=%83%41", url.Values{"a": {"ア"}, "b": {"ア"}}},
		{"Alipay", "gbk", "subject=%B2%E2%CA%D4", url.Values{"subject": {"测试"}}},
		{"bytes in GBK", "gbk", "subject=\xb2\xe2\xca\xd4", url.Values{"subject": {"测试"}}},
		{"four bytes of GB18030, digits among them", "gb18030", "a=%810%846&b=\x810\x846", url.Values{"a": {"\u00a5"}, "b": {"\u00a5"}}},
		{"a plus and an escaped separator", "iso-8859-1", "a=1+2%263%3D4&b", url.Values{"a": {"1 2&3=4"}, "b": {""}}},
		{"what is no character", "shift_jis", "a=%FF", url.Values{"a": {"\uFFFD"}}},
		{"an escape that is none", "iso-8859-1", "a=%zz", nil},
		{"escapes in ISO-2022-JP", "iso-2022-jp", "a=%1B%24B%25%22%1B%28B", url.Values{"a": {"ア"}}},
		{"bytes in it, in which a separator may be half of a character", "iso-2022-jp", "a=\x1b$B%\"\x1b(B", nil},
		{"UTF-16, whose escapes are UTF-8", "utf-16le", "a\x00=\x00%\x00C\x003\x00%\x00A\x009\x00", url.Values{"a": {"é"}}},
		{"UTF-8 by name", "utf-8", "a=%C3%A9", url.Values{"a": {"é"}}},
		{"no charset, and no UTF-8", "", "a=%E9", url.Values{"a": {"\xe9"}}},
	} {
		contentType := formType
		if test.charset != "" {
			contentType += "; charset=" + test.charset
		}
		b, err := bodyparser.Parse(nil, post(contentType, test.body), bodyparser.Config{})
		if test.want == nil {
			if statusOf(err) != 400 {
				t.Errorf("%s: %v, want 400", test.why, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
			continue
		}
		if got, err := b.Form(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", test.why, got, err, test.want)
		}
	}
}

// TestConfigJSONTypes: a setting decides which types are JSON, and a 415 names them.
func TestConfigJSONTypes(t *testing.T) {
	const plain = "text/plain; charset=UTF-8"
	for _, test := range []struct {
		why         string
		types       []string
		contentType string
		status      int    // of Decode
		accept      string // of its 415
	}{
		{"text is none", nil, plain, 415, "application/json"},
		{"unless it is said", []string{"text/plain"}, plain, 200, ""},
		{"reports of a policy", []string{"application/csp-report"}, "application/csp-report", 200, ""},
		{"what is JSON stays so", []string{"text/plain"}, jsonType, 200, ""},
		{"and so does +json", []string{"text/plain"}, "application/x+json", 200, ""},
		{"no type", []string{""}, "", 200, ""},
		{"no type is no other type", []string{""}, plain, 415, "application/json"},
		{"no type by default", nil, "", 415, "application/json"},
		{"what is said is accepted", []string{"text/plain", ""}, "text/html", 415, "application/json, text/plain"},
		{"capitals in the request", []string{"text/plain"}, "TEXT/Plain", 200, ""},
	} {
		cfg := bodyparser.Config{JSONTypes: test.types}
		b, err := bodyparser.Parse(nil, post(test.contentType, `{"a":1}`), cfg)
		if err != nil {
			t.Errorf("%s: %v", test.why, err)
			continue
		}
		err = b.Decode(new(struct{ A int }))
		var refused *bodyparser.Error
		if statusOf(err) != test.status || errors.As(err, &refused) && refused.Header().Get("Accept") != test.accept {
			t.Errorf("%s: %v, want %d and to accept %q", test.why, err, test.status, test.accept)
		}
		if errors.As(err, &refused) && refused.Message != "Unsupported media type, want "+test.accept {
			t.Errorf("%s: %s", test.why, refused.Message)
		}
		if test.status == 200 {
			if _, err := bodyparser.Parse(nil, post(test.contentType, `{"a"`), cfg); statusOf(err) != 400 {
				t.Errorf("%s, malformed: %v", test.why, err)
			}
		}
	}
	for _, types := range [][]string{{"json"}, {"Text/Plain"}, {"text/plain; charset=utf-8"}, {"text/*x", "a b/c"}, {formType}, {"multipart/form-data"}, {" text/plain"}} {
		if (bodyparser.Config{JSONTypes: types}).Validate() == nil {
			t.Errorf("%q are valid", types)
		}
	}
}

// TestBodyJSON: like request.json() of the App Router, JSON ignores the type.
func TestBodyJSON(t *testing.T) {
	for _, test := range []struct {
		contentType, body string
		status            int
	}{
		{"", `{"a":1}`, 200},
		{"text/plain", `{"a":1}`, 200},
		{formType, `{"a":1}`, 200},
		{formType, " [1]", 400}, // not a struct
		{"application/octet-stream", "\xef\xbb\xbf{\"a\":1}", 200},
		{"text/plain; charset=utf-16le", "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00", 200},
		{jsonType, `{"a":1}`, 200},
		{jsonType, "", 400},
		{"text/plain", "", 400},
		{"text/plain", `{"a":1} x`, 400},
		{"text/plain", "{\"a\":1,\"b\":\"\xff\"}", 400},
		{"text/plain", `{"a":1,"b":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}", 400},
		{"multipart/form-data; boundary=x", `{"a":1}`, 415},
	} {
		var got struct{ A int }
		b, err := bodyparser.Parse(nil, post(test.contentType, test.body), bodyparser.Config{})
		if err != nil {
			if test.contentType != jsonType {
				t.Errorf("%q as %q: %v", test.body, test.contentType, err)
			}
			continue
		}
		if err := b.JSON(&got); statusOf(err) != test.status || err == nil && got.A != 1 {
			t.Errorf("%q as %q: %v, %v, want %d", test.body, test.contentType, got, err, test.status)
		}
	}
}

// TestBodyFormOfJSON: curl -d sends the Content-Type of a form.
func TestBodyFormOfJSON(t *testing.T) {
	for body, status := range map[string]int{
		`{"a":1}`: 415, " \n[1]": 415, "\ufeff{}": 415, `{"a":"100%"}`: 415, `{"a":1,}`: 415, `[{"a":"b=1"}, null ]`: 415, "{ }": 415,
		"%7B=1": 200, "a={}": 200, "a[b]=1": 200, "": 200, "=[": 200, "{": 200, "[": 200, "[a]=1": 200, "[][]=1": 200, "{a}": 200, "[=]": 200,
	} {
		b := parse(t, formType, body)
		_, err := b.Form()
		_, fromValue := b.Value()
		if statusOf(err) != status || statusOf(fromValue) != status {
			t.Errorf("%q: %v, %v, want %d", body, err, fromValue, status)
		}
		var refused *bodyparser.Error
		if errors.As(err, &refused) && !strings.Contains(refused.Message, jsonType) {
			t.Errorf("%q: %q does not say what to set", body, refused.Message)
		}
	}
}

func TestBodyLeftUnread(t *testing.T) {
	for _, test := range []struct {
		why         string
		cfg         bodyparser.Config
		contentType string
		size        int
		status      int
	}{
		{"raw has no limit of its own", bodyparser.Config{Raw: true}, jsonType, 2 << 20, 200},
		{"but one that is set", bodyparser.Config{Raw: true, Limit: 1000}, jsonType, 1001, 413},
		{"raw ignores the type", bodyparser.Config{Raw: true}, "nonsense", 10, 200},
		{"multipart is like raw", bodyparser.Config{}, "multipart/form-data; boundary=x", 2 << 20, 200},
		{"also in the limit", bodyparser.Config{Limit: 1000}, "multipart/form-data; boundary=x", 1001, 413},
	} {
		for _, declared := range []bool{true, false} {
			h := bodyparser.New(test.cfg)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				b, ok := bodyparser.From(r)
				if ok == test.cfg.Raw {
					t.Errorf("%s: From reports %v", test.why, ok)
				}
				if ok {
					value, err := b.Value()
					if b.Present() || value != nil || err != nil {
						t.Errorf("%s: Value = %v, %v", test.why, value, err)
					}
					if err := b.Decode(&value); statusOf(err) != 415 {
						t.Errorf("%s: Decode gives %v", test.why, err)
					}
					if _, err := b.Form(); statusOf(err) != 415 {
						t.Errorf("%s: Form gives %v", test.why, err)
					}
				}
				n, err := io.Copy(io.Discard, r.Body)
				var max *http.MaxBytesError
				if errors.As(err, &max) {
					w.WriteHeader(413)
				} else if err != nil || n != int64(test.size) {
					t.Errorf("%s: read %d, %v", test.why, n, err)
				}
			}))
			r := post(test.contentType, strings.Repeat("x", test.size))
			if !declared {
				r.ContentLength = -1
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("%s: %d, want %d", test.why, w.Code, test.status)
			}
		}
	}
	b, err := bodyparser.Parse(nil, post("multipart/form-data; boundary=x", "x"), bodyparser.Config{})
	if err != nil || b.Present() || b.MediaType() != "multipart/form-data" {
		t.Errorf("Parse of multipart: %+v, %v", b, err)
	}
}
