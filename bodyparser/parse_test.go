package bodyparser_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
)

func TestNewInsideAnother(t *testing.T) {
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

	// Verification is never skipped.
	signed := bodyparser.New(bodyparser.Config{Verify: func(*http.Request, []byte) error { return errors.New("no") }})(answerText)
	w := httptest.NewRecorder()
	bodyparser.New(bodyparser.Config{})(signed).ServeHTTP(w, post("text/plain", "x"))
	if w.Code != 403 {
		t.Errorf("an inner Verify gives %d", w.Code)
	}
}

// A handler may send its own request through the same services, within the
// context of its request.
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

func TestNewHandsBackThePattern(t *testing.T) {
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

// net/http removes the files of forms that it has parsed itself, but only for
// its own request, and not if the handler panics.
func TestNewRemovesFormFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	for _, panics := range []bool{false, true} {
		h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseMultipartForm(0); err != nil {
				t.Error(err)
			}
			if len(r.MultipartForm.File["f"]) != 1 {
				t.Error("no file")
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) == 0 {
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
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
			t.Errorf("panics %v: left behind %v", panics, left)
		}
	}
}

func TestConfigValidate(t *testing.T) {
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

func TestPooledBytesDoNotEscape(t *testing.T) {
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
		err := parsePooled(nil, post(jsonType, text), bodyparser.Config{}, func(b *bodyparser.Body) error {
			return b.Decode(&d)
		})
		if err != nil {
			t.Error(err)
		}
		return d
	}
	got := read(body("a"))
	kept := parse(t, jsonType, body("a"))
	for range 100 { // overwrites the memory of the pool
		read(body("b"))
	}
	want := strings.Repeat("a", 100)
	if got.Text != want || string(got.Raw) != `{"k":"`+want+`"}` || got.List[0] != want || got.Any.([]any)[0] != want {
		t.Errorf("what was decoded has changed: %+v", got)
	}
	if string(kept.Bytes()) != body("a") {
		t.Error("what was parsed has changed")
	}

	// A custom decoder may return strings that share the bytes.
	var shared []byte
	cfg := bodyparser.Config{Unmarshal: func(data []byte, _ any) error { shared = data; return nil }}
	_ = parsePooled(nil, post(jsonType, body("a")), cfg, func(b *bodyparser.Body) error { return b.Decode(nil) })
	for range 100 {
		read(body("b"))
	}
	if string(shared) != body("a") {
		t.Error("what a decoder was given has changed")
	}
}

func TestParseAllocs(t *testing.T) {
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
	if n := testing.AllocsPerRun(100, func() { _ = parsePooled(w, again(), bodyparser.Config{}, use) }); n > base+1 {
		t.Errorf("pooled: %v allocations, want 1: what replays", n-base)
	}
	none := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	h := bodyparser.New(bodyparser.Config{})(none)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, again()) }); n > base+2 {
		t.Errorf("New: %v allocations, want 2: the bytes, and the body with its node and the copy of the request", n-base)
	}
	node, outer := exchange.Copy(r, nil)
	within := func() *http.Request {
		body.Reset(text)
		outer.Body, outer.ContentLength = io.NopCloser(body), int64(len(text))
		node.Set(exchange.Body, nil)
		return outer
	}
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, within()) }); n > base+2 {
		t.Errorf("New, with a node outside: %v allocations, want 2: the bytes, the body", n-base)
	}
	raw := bodyparser.New(bodyparser.Config{Raw: true})(none)
	if n := testing.AllocsPerRun(100, func() { raw.ServeHTTP(w, again()) }); n > base {
		t.Errorf("Raw: %v allocations, want none", n-base)
	}
	limited := bodyparser.New(bodyparser.Config{Raw: true, Limit: bytesize.KB})(none)
	if n := testing.AllocsPerRun(100, func() { limited.ServeHTTP(w, again()) }); n > base+1 {
		t.Errorf("Raw with a limit: %v allocations, want 1: the limit with the copy of the request", n-base)
	}
}
