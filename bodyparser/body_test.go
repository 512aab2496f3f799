package bodyparser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/internal/testkit"
)

// parse parses a request of the type and body, and fails if it is refused.
func parse(t *testing.T, contentType, body string) *bodyparser.Body {
	t.Helper()
	b, err := bodyparser.Parse(httptest.NewRecorder(), post(contentType, body), bodyparser.Config{})
	if err != nil {
		t.Fatalf("%q as %q: %v", body, contentType, err)
	}
	return b
}

func TestBody(t *testing.T) {
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

func TestContentType(t *testing.T) {
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

func TestJSON(t *testing.T) {
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
		{"a bound of one's own", bodyparser.Config{Depth: 2}, nested(3), 2},
		{"no bound, up to that of encoding/json", bodyparser.Config{Depth: -1}, nested(10_000), -1},
		{"beyond it", bodyparser.Config{Depth: -1}, nested(10_001), 10_000},
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
		{"but not in two objects", bodyparser.Config{UniqueKeys: true}, `[{"a":1},{"a":{"a":2}}]`, -1},
	} {
		// Once before the handler, and once by the decoder alone.
		_, err := bodyparser.Parse(nil, post(jsonType, test.body), test.cfg)
		borrowed := bodyparser.Borrow(nil, post(jsonType, test.body), test.cfg, func(b *bodyparser.Body) error {
			var v any
			return b.Decode(&v)
		})
		for _, err := range []error{err, borrowed} {
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

func TestDecode(t *testing.T) {
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

func TestUnmarshal(t *testing.T) {
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

func TestForm(t *testing.T) {
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
		{"a bound of one's own", bodyparser.Config{Pairs: 2}, pairs(3), 413, nil},
		{"no bound", bodyparser.Config{Pairs: -1}, pairs(20_000), 200, nil},
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

func TestUnread(t *testing.T) {
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
				if b, ok := bodyparser.From(r); ok {
					t.Errorf("%s: From = %v", test.why, b)
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

func TestNested(t *testing.T) {
	var log testkit.Log
	inner := bodyparser.New(bodyparser.Config{Limit: 5, Logger: log.Logger()})(answerText)
	h := bodyparser.New(bodyparser.Config{})(inner)
	for range 3 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post("text/plain", "more than five"))
		if w.Code != 200 || w.Body.String() != "14" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if n := len(log.Records()); n != 1 {
		t.Errorf("%d records, want 1", n)
	}

	// Verification is not a limit: it is never skipped.
	signed := bodyparser.New(bodyparser.Config{Verify: func(*http.Request, []byte) error { return errors.New("no") }})(answerText)
	w := httptest.NewRecorder()
	bodyparser.New(bodyparser.Config{})(signed).ServeHTTP(w, post("text/plain", "x"))
	if w.Code != 403 {
		t.Errorf("an inner Verify gives %d", w.Code)
	}
}

// A handler may send a request of its own through the same services, within the
// context of the one it serves.
func TestFromTrustsOnlyItsOwnRequest(t *testing.T) {
	inner := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := bodyparser.From(r)
		w.Write(b.Bytes())
	}))
	outer := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sub := httptest.NewRequestWithContext(r.Context(), "POST", "/sub", strings.NewReader("inner"))
		if _, ok := bodyparser.From(sub); ok {
			t.Error("another request has the body of the one it was made in")
		}
		answer := httptest.NewRecorder()
		inner.ServeHTTP(answer, sub)
		if answer.Body.String() != "inner" {
			t.Errorf("the inner request was given %q", answer.Body)
		}
		r.Body = io.NopCloser(r.Body) // as tracers do
		if b, ok := bodyparser.From(r); !ok || string(b.Bytes()) != "outer" {
			t.Error("the outer request has lost its body")
		}
		if b, ok := bodyparser.From(r.WithContext(context.WithValue(r.Context(), t, t))); !ok || string(b.Bytes()) != "outer" {
			t.Error("a copy of the request has lost its body")
		}
	}))
	outer.ServeHTTP(httptest.NewRecorder(), post("text/plain", "outer"))
}

func TestParseInHandler(t *testing.T) {
	r := post(jsonType, `{"a":1}`)
	b, err := bodyparser.Parse(nil, r, bodyparser.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := bodyparser.Parse(nil, r, bodyparser.Config{Limit: 1}); err != nil || again != b {
		t.Errorf("a second Parse gives %v, %v", again, err)
	}
	if err := r.ParseForm(); err != nil {
		t.Error(err)
	}
	if text, _ := io.ReadAll(r.Body); string(text) != `{"a":1}` {
		t.Errorf("r.Body = %q", text)
	}
	if _, err := bodyparser.Parse(nil, r, bodyparser.Config{Raw: true, Inflate: true}); err == nil {
		t.Error("a Config that is not valid")
	}
}

func TestPatternIsHandedBack(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("POST /notes/{id}", answerText)
	panicking := http.NewServeMux()
	panicking.HandleFunc("POST /notes/{id}", func(http.ResponseWriter, *http.Request) { panic("handler") })
	for _, h := range []http.Handler{mux, panicking} {
		r := post("text/plain", "x")
		r.URL.Path = "/notes/1"
		func() {
			defer func() { _ = recover() }()
			bodyparser.New(bodyparser.Config{})(h).ServeHTTP(httptest.NewRecorder(), r)
		}()
		if r.Pattern != "POST /notes/{id}" {
			t.Errorf("Pattern = %q", r.Pattern)
		}
	}
}

// net/http removes the files of the forms that it has parsed itself, but of the
// request that it made, and not if the handler panics.
func TestFilesOfFormsAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, panics := range []bool{false, true} {
		h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(0); err != nil {
				t.Error(err)
			}
			if len(r.MultipartForm.File["f"]) != 1 {
				t.Error("no file")
			}
			if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) == 0 {
				t.Error("the file is not on disk, so this tests nothing")
			}
			if panics {
				panic("handler")
			}
		}))
		var body strings.Builder
		form := multipart.NewWriter(&body)
		file, _ := form.CreateFormFile("f", "f.txt")
		io.WriteString(file, strings.Repeat("x", 11<<20))
		form.Close()
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), post(form.FormDataContentType(), body.String()))
		}()
		if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(left) > 0 {
			t.Errorf("panics %v: left behind %v", panics, left)
		}
	}
}

func TestValidate(t *testing.T) {
	hook := func([]byte, any) error { return nil }
	bad := bodyparser.Config{Raw: true, Inflate: true, UniqueKeys: true, Limit: -1, Unmarshal: hook}
	err := bad.Validate()
	for _, part := range []string{"Inflate", "UniqueKeys", "Unmarshal", "Limit"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+part) {
			t.Errorf("no complaint about %s: %v", part, err)
		}
	}
	defer func() {
		if p, ok := recover().(error); !ok || p.Error() != err.Error() {
			t.Errorf("New panics with %v", p)
		}
	}()
	bodyparser.New(bad)
}

func TestBorrowedBytesDoNotEscape(t *testing.T) {
	type doc struct {
		Text string
		Raw  json.RawMessage
		Any  any
		List []string
	}
	body := func(c string) string {
		s := strings.Repeat(c, 100)
		return `{"Text":"` + s + `","Raw":{"k":"` + s + `"},"Any":["` + s + `"],"List":["` + s + `"]}`
	}
	read := func(text string) (d doc) {
		err := bodyparser.Borrow(nil, post(jsonType, text), bodyparser.Config{}, func(b *bodyparser.Body) error {
			return b.Decode(&d)
		})
		if err != nil {
			t.Error(err)
		}
		return d
	}
	got := read(body("a"))
	kept := parse(t, jsonType, body("a"))
	for range 100 { // what was lent is overwritten
		read(body("b"))
	}
	want := strings.Repeat("a", 100)
	if got.Text != want || string(got.Raw) != `{"k":"`+want+`"}` || got.List[0] != want || got.Any.([]any)[0] != want {
		t.Errorf("what was decoded has changed: %+v", got)
	}
	if string(kept.Bytes()) != body("a") {
		t.Error("what was parsed has changed")
	}

	// A decoder of another make may return strings that share the bytes.
	var shared []byte
	cfg := bodyparser.Config{Unmarshal: func(data []byte, _ any) error { shared = data; return nil }}
	_ = bodyparser.Borrow(nil, post(jsonType, body("a")), cfg, func(b *bodyparser.Body) error { return b.Decode(nil) })
	for range 100 {
		read(body("b"))
	}
	if string(shared) != body("a") {
		t.Error("what a decoder was given has changed")
	}
}

func TestAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	body := strings.NewReader("")
	r := post(jsonType, "")
	text := `{"title":"` + strings.Repeat("x", 200) + `"}`
	again := func() *http.Request {
		body.Reset(text)
		r.Body, r.ContentLength = io.NopCloser(body), int64(len(text))
		return r
	}
	w := httptest.NewRecorder()
	use := func(*bodyparser.Body) error { return nil }
	base := testing.AllocsPerRun(100, func() { again() })
	if n := testing.AllocsPerRun(100, func() { _ = bodyparser.Borrow(w, again(), bodyparser.Config{}, use) }); n > base {
		t.Errorf("Borrow: %v allocations, want none", n-base)
	}
	h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, again()) }); n > base+3 {
		t.Errorf("New: %v allocations, want 3: the bytes, the body with its node, the copy of the request", n-base)
	}
	raw := bodyparser.New(bodyparser.Config{Raw: true})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if n := testing.AllocsPerRun(100, func() { raw.ServeHTTP(w, again()) }); n > base {
		t.Errorf("Raw: %v allocations, want none", n-base)
	}
}
