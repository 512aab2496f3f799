package bind_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

func TestJSONTypeErrors(t *testing.T) {
	for _, test := range []struct {
		why, body string
		status    int
		want      string
	}{
		{"a value that fits", `{"email":"a@b.example"}`, 200, ""},
		{"names in other capitals, as for encoding/json", `{"EMAIL":"a@b.example","UNTAGGED":"x"}`, 200, ""},
		{"null is the zero value", `{"email":"a@b.example","items":null,"due":null,"notes":{"a":null}}`, 200, ""},
		{"no body has to obey the rules too", ``, 422, "/email required"},
		{"a list where an object belongs", `[]`, 400, " type"},
		{"a string where an object belongs", `"x"`, 400, " type"},
		{"every place is named, in order", `{"tags":"x","items":[{"qty":"1"},7,{"sku":false}],"email":1}`, 400,
			"/email type, /items/0/qty type, /items/1 type, /items/2/sku type, /tags type"},
		{"a fraction for a whole number", `{"counts":[1,2.5]}`, 400, "/counts/1 type"},
		{"a number that does not fit", `{"inner":{"deep":{"level":200}}}`, 400, "/inner/deep/level type"},
		{"what a method refuses", `{"due":"tomorrow","from":"1.2.3"}`, 400, "/due type, /from type"},
		{"keys of maps may have dots and slashes", `{"notes":{"a.b/c~d":{"qty":"x"}}}`, 400, "/notes/a.b~1c~0d/qty type"},
		{"a field that is hidden", `{"email":"a@b.example","-":"x","Secret":"x"}`, 200, ""},
		{"a field of an embedded struct", `{"by":7}`, 400, "/by type"},
		{"syntax", `{"email":`, 400, "bodyparser: Invalid JSON at offset 9: syntax error"},
		{"a rule", `{"email":"nobody"}`, 422, "/email email"},
		{"rules in lists", `{"email":"a@b.example","items":[{"sku":"x","qty":1},{"qty":11}],"tags":["a","long one"]}`, 422,
			"/items/1/qty max, /items/1/sku required, /tags/1 max"},
		{"rules in maps", `{"email":"a@b.example","notes":{"a]b.[c":{"qty":1},"a":{"sku":"x","qty":1},"a]b":{"sku":"x","qty":0}}}`, 422,
			"/notes/a]b.[c/sku required, /notes/a]b/qty min"},
		{"a rule in an embedded struct", `{"email":"a@b.example","by":"somebody"}`, 422, "/by max"},
		{"a type comes before a rule", `{"email":"nobody","price":"x"}`, 400, "/price type"},
	} {
		_, err := bind.Body[order](post(jsonType, test.body))
		if got, status := fields(err); status != test.status || got != test.want {
			t.Errorf("%s: %d %s\nwant %d %s", test.why, status, got, test.status, test.want)
		}
	}
}

func TestJSONStrict(t *testing.T) {
	b := bind.New[order](bind.Config{Strict: true})
	for _, test := range []struct{ contentType, body, want string }{
		{jsonType, `{"email":"a@b.example","by":"x"}`, ""},
		{jsonType, `{"emial":"a@b.example","items":[{"name":"x"}],"Secret":"x","price":"x"}`, "/Secret unknown, /emial unknown, /items/0/name unknown, /price type"},
		{jsonType, `{"email":`, "bodyparser: Invalid JSON at offset 9: syntax error"},
		{formType, `emial=x&items.0.name=x&secret=x`, "/emial unknown, /items.0.name unknown, /secret unknown"},
		{"text/plain", `x`, `bind: Unsupported media type, want application/json, application/x-www-form-urlencoded, multipart/form-data: Content-Type "text/plain"`},
	} {
		_, err := b.Body(post(test.contentType, test.body))
		if got, _ := fields(err); got != test.want {
			t.Errorf("%s: %s, want %s", test.body, got, test.want)
		}
	}
}

// Different names that are the same key of a map are duplicates.
func TestJSONUniqueKeys(t *testing.T) {
	type in struct {
		Counts map[int]string          `json:"counts"`
		IDs    []map[objectID]struct{} `json:"ids"`
		Plain  map[string]int          `json:"plain"`
		Maybe  bind.Optional[map[uint8]int]
	}
	last, unique := bind.New[in](bind.Config{}), bind.New[in](bind.Config{Parser: bodyparser.Config{UniqueKeys: true}})
	lists := bind.New[[]map[int]int](bind.Config{Parser: bodyparser.Config{UniqueKeys: true}})
	for _, test := range []struct {
		body, want string
		once       bool
	}{
		{`{"counts":{"1":"a","01":"b"}}`, "/counts/01 duplicate", false},
		{`{"counts":{"0":"a","-0":"b","00":"c"}}`, "/counts/-0 duplicate, /counts/00 duplicate", false},
		{`{"counts":{"1":"a","2":"b"},"plain":{"1":1,"01":2}}`, "", true},
		{`{"ids":[{"0a0b0c0d":{}},{"0a0b0c0d":{}}]}`, "", true},
		{`{"ids":[{"0a0b0c0d":{},"0a0b0c0e":{}}],"Maybe":{"1":1,"01":2}}`, "/Maybe/01 duplicate", false},
	} {
		if got, status := fields(second(unique.Body(post(jsonType, test.body)))); got != test.want || !test.once && status != 400 {
			t.Errorf("%s: %d %s, want %s", test.body, status, got, test.want)
		}
		if got, _ := fields(second(last.Body(post(jsonType, test.body)))); got != "" {
			t.Errorf("%s, where the last counts: %s", test.body, got)
		}
	}
	if got, _ := fields(second(lists.Body(post(jsonType, `[{"1":1},{"1":1,"01":2}]`)))); got != "/1/01 duplicate" {
		t.Errorf("in a list: %s", got)
	}
	if got, _ := fields(second(unique.Body(post(formType, encode(`counts={"1":"a","01":"b"}`))))); got != "/counts/01 duplicate" {
		t.Errorf("in a field of a form: %s", got)
	}
}

func TestJSONManyTypeErrors(t *testing.T) {
	for _, body := range []string{
		"[" + strings.Repeat("{},", 20_000) + "{}]",
		"[" + strings.Repeat("7,", 20_000) + "7]",
	} {
		_, err := bind.Body[[]item](post(jsonType, body))
		var e *bind.Errors
		if !errors.As(err, &e) || len(e.Fields) != 50 {
			t.Errorf("%.20s: %.200v", body, err)
		}
	}
}

func TestConfigParserUnmarshal(t *testing.T) {
	// A decoder that reports no details.
	b := bind.New[item](bind.Config{Parser: bodyparser.Config{Unmarshal: func(data []byte, v any) error {
		if json.Unmarshal(data, v) != nil {
			return errors.New("no")
		}
		return nil
	}}})
	_, err := b.Body(post(jsonType, `{"sku":1,"qty":1}`))
	if got, status := fields(err); status != 400 || got != "/sku type" {
		t.Errorf("%d %s", status, got)
	}
}

func TestBodyOfOtherTypes(t *testing.T) {
	if got, err := bind.Body[[]item](post(jsonType, `[{"sku":"a","qty":1}]`)); err != nil || len(got) != 1 {
		t.Errorf("a list: %v, %v", got, err)
	}
	if got, status := fields(second(bind.Body[[]item](post(jsonType, `[{"sku":"a","qty":1},{"qty":1}]`)))); status != 422 || got != "/1/sku required" {
		t.Errorf("a rule in a list: %d %s", status, got)
	}
	if got, status := fields(second(bind.Body[map[string]item](post(jsonType, `{"x":{"qty":1}}`)))); status != 422 || got != "/x/sku required" {
		t.Errorf("a rule in a map: %d %s", status, got)
	}
	if got, err := bind.Body[*item](post(formType, `sku=x&qty=1`)); err != nil || got.SKU != "x" {
		t.Errorf("a form for a pointer: %v, %v", got, err)
	}
	if got, err := bind.Body[map[string]any](post(jsonType, `{"id":12345678901234567890}`)); err != nil || got["id"] != json.Number("12345678901234567890") {
		t.Errorf("a map of anything: %v, %v", got, err)
	}
	if got, err := bind.Body[int](post(jsonType, `7`)); err != nil || got != 7 {
		t.Errorf("a number: %v, %v", got, err)
	}
	if got, err := bind.Body[struct{}](post("", ``)); err != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
	if _, status := fields(second(bind.Body[[]item](post(formType, `sku=x`)))); status != 415 {
		t.Errorf("a form for a list: %d", status)
	}
	type page[E any] struct {
		Rows []E `json:"rows" validate:"dive"`
	}
	if got, status := fields(second(bind.Body[page[item]](post(jsonType, `{"rows":[{"qty":1}]}`)))); status != 422 || got != "/rows/0/sku required" {
		t.Errorf("a generic type: %d %s", status, got)
	}
	type quoted struct {
		N int         `json:"n,string"`
		M map[int]int `json:"m"`
	}
	if got, err := bind.Body[quoted](post(jsonType, `{"n":"7","m":{"1":2}}`)); err != nil || got.N != 7 || got.M[1] != 2 {
		t.Errorf("a quoted number: %v, %v", got, err)
	}
	if got, _ := fields(second(bind.Body[quoted](post(jsonType, `{"n":"x","m":{"one":2}}`)))); got != "/m/one type, /n type" {
		t.Errorf("a quoted number: %s", got)
	}
}

// TestHandlerBodyAfterwards: a body that bind has decoded is gone, and is not taken for
// empty.
func TestHandlerBodyAfterwards(t *testing.T) {
	h := bind.Handler(func(_ http.ResponseWriter, r *http.Request, _ struct{ A int }) error {
		text, err := io.ReadAll(r.Body)
		if len(text) > 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("r.Body gives %q, %v", text, err)
		}
		if _, err := bind.Body[struct{}](r); err == nil {
			t.Error("the body could be bound again")
		}
		return nil
	})
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, post(jsonType, `{"a":1}`)); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	bodyparser.New(bodyparser.Config{})(bind.Handler(func(_ http.ResponseWriter, r *http.Request, _ struct{ A int }) error {
		if text, err := io.ReadAll(r.Body); string(text) != `{"a":1}` || err != nil {
			t.Errorf("behind a parser r.Body gives %q, %v", text, err)
		}
		return nil
	})).ServeHTTP(httptest.NewRecorder(), post(jsonType, `{"a":1}`))
}
