package bind_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/go-playground/validator/v10"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

type item struct {
	SKU string `json:"sku" validate:"required"`
	Qty int    `json:"qty" validate:"min=1,max=10"`
}

type audit struct {
	By string `json:"by" validate:"max=5"`
}

type order struct {
	audit
	Email  string           `json:"email" schema:"mail" validate:"required,email"`
	Items  []item           `json:"items" validate:"max=3,dive"`
	Tags   []string         `json:"tags" validate:"dive,max=3"`
	Price  float64          `json:"price"`
	Due    *time.Time       `json:"due"`
	Days   []time.Time      `json:"days"`
	From   net.IP           `json:"from"`
	Gift   bool             `json:"gift"`
	Counts []int            `json:"counts"`
	Notes  map[string]*item `json:"notes" validate:"dive"`
	Secret string           `json:"-"`
	Inner  struct {
		Deep struct {
			Level int8 `json:"level"`
		} `json:"deep"`
	} `json:"inner"`
	Untagged string
}

// fields returns the paths and rules of an error, and its status.
func fields(err error) (string, int) {
	if err == nil {
		return "", 200
	}
	status := err.(interface{ StatusCode() int }).StatusCode()
	var e *bind.Errors
	if !errors.As(err, &e) {
		return err.Error(), status
	}
	var all []string
	for f := range e.All() {
		all = append(all, f.Path+" "+f.Rule)
	}
	return strings.Join(all, ", "), status
}

func TestWrongJSON(t *testing.T) {
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

func TestForms(t *testing.T) {
	for _, test := range []struct {
		why, body string
		status    int
		want      string // fields that are wrong, or the JSON of the value
	}{
		{"schema names, json names, and names of fields", `mail=a%40b.example&price=2.5&untagged=x`, 200, `{"email":"a@b.example","price":2.5,"Untagged":"x"}`},
		{"the json name is not the form's if there is another", `email=x`, 422, "/mail required"},
		{"brackets and dots", `mail=a%40b.example&items[0][sku]=x&items.0.qty=2&items[1].sku=y&items[1][qty]=3`, 200,
			`{"email":"a@b.example","items":[{"sku":"x","qty":2},{"sku":"y","qty":3}]}`},
		{"lists by repetition", `mail=a%40b.example&tags=b&tags=a`, 200, `{"email":"a@b.example","tags":["b","a"]}`},
		{"lists by empty brackets", `mail=a%40b.example&tags[]=b&tags[]=a`, 200, `{"email":"a@b.example","tags":["b","a"]}`},
		{"lists by index", `mail=a%40b.example&tags[1]=b&tags[0]=a&tags.7=c`, 200, `{"email":"a@b.example","tags":["a","b","c"]}`},
		{"numbers with commas", `mail=a%40b.example&counts=1,2&counts=3`, 200, `{"email":"a@b.example","counts":[1,2,3]}`},
		{"text types", `mail=a%40b.example&due=2026-01-02T03:04:05Z&from=192.0.2.1`, 200, `{"email":"a@b.example","due":"2026-01-02T03:04:05Z","from":"192.0.2.1"}`},
		{"lists of text types", `mail=a%40b.example&days=2026-01-02T03:04:05Z&days=2027-01-02T03:04:05Z`, 200,
			`{"email":"a@b.example","days":["2026-01-02T03:04:05Z","2027-01-02T03:04:05Z"]}`},
		{"a checkbox", `mail=a%40b.example&gift=on`, 200, `{"email":"a@b.example","gift":true}`},
		{"inputs that were left empty", `mail=a%40b.example&price=&due=&gift=&counts=&tags=&from=&days=`, 200, `{"email":"a@b.example","tags":[]}`},
		{"a struct in a struct", `mail=a%40b.example&inner[deep].level=3`, 200, `{"email":"a@b.example","inner":{"deep":{"level":3}}}`},
		{"a field of an embedded struct", `mail=a%40b.example&by=me`, 200, `{"by":"me","email":"a@b.example"}`},
		{"unknown keys, and what is hidden", `mail=a%40b.example&secret=x&Secret=x&-=x&more=1&a[=1&]=2&items=1&inner=2&notes.a.sku=x&audit=1`, 200, `{"email":"a@b.example"}`},
		{"a scalar given twice is the last", `mail=x&mail=a%40b.example`, 200, `{"email":"a@b.example"}`},
		{"a scalar under two names", `mail=x&MAIL=a%40b.example`, 400, "/mail duplicate"},
		{"a list in two ways", `tags=x&tags[0]=y`, 400, "/tags/0 duplicate"},
		{"an element in two ways", `tags.0=x&tags[0]=y`, 400, "/tags/0 duplicate"},
		{"wrong types", `price=x&counts=1&counts=b&gift=maybe&inner.deep.level=200&due=tomorrow&from=x&days[1]=x&days[0]=2026-01-02T03:04:05Z`, 400,
			"/counts type, /days/1 type, /due type, /from type, /gift type, /inner/deep/level type, /price type"},
		{"no number at all", `price=NaN`, 400, "/price type"},
		{"nor one that JSON could carry on", `price=-inf`, 400, "/price type"},
		{"rules", `mail=x&tags=a&tags=long+one`, 422, "/mail email, /tags/1 max"},
	} {
		got, err := bind.Body[order](post(formType, test.body))
		wrong, status := fields(err)
		if status != test.status {
			t.Errorf("%s: %d %s, want %d", test.why, status, wrong, test.status)
			continue
		}
		if err != nil {
			if wrong != test.want {
				t.Errorf("%s: %s\nwant %s", test.why, wrong, test.want)
			}
			continue
		}
		var want order
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		if got.From != nil {
			got.From = got.From.To16()
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", test.why, got, want)
		}
	}
}

// What the decoder behind would make of these takes the service down, or its
// memory.
func TestHostileForms(t *testing.T) {
	var sparse, nested url.Values = url.Values{}, url.Values{}
	for i := range 900 {
		sparse.Add(fmt.Sprintf("items.%d.sku", i%150), "x")
	}
	for i := range 90 {
		nested.Set(fmt.Sprintf("children.%d.children.99.children.99.name", i), "x")
	}
	for _, test := range []struct{ why, body, want string }{
		{"a negative index panics there", "items.-1.sku=x", "/items/-1 index"},
		{"in brackets", "items[-1][sku]=x", "/items/-1 index"},
		{"a sign", "items.%2B1.sku=x", "/items/+1 index"},
		{"letters", "items.one.sku=x", "/items/one index"},
		{"hexadecimal", "items.0x1.sku=x", "/items/0x1 index"},
		{"digits of another script", "items.%D9%A1.sku=x", "/items/\u0661 index"},
		{"an index beyond the bound", "items.100.sku=x", "/items/100 index"},
		{"far beyond", "items.16000.sku=x", "/items/16000 index"},
		{"beyond any integer", "items.99999999999999999999.sku=x", "/items/99999999999999999999 index"},
		{"a list of plain values", "tags[100]=x", "/tags/100 index"},
		{"many of them", sparse.Encode(), ""},
		{"commas", "counts=" + strings.Repeat("1,", 2000) + "1", " index"},
		{"a name of great length", "items." + strings.Repeat("9", 5000) + ".sku=x", "/items/... index"},
	} {
		r := post(formType, test.body)
		_, err := bind.Body[order](r)
		got, status := fields(err)
		if status != 400 || test.want != "" && got != test.want {
			t.Errorf("%s: %d %.300s, want %s", test.why, status, got, test.want)
		}
	}

	type tree struct {
		Name     string `json:"name"`
		Children []tree `json:"children"`
	}
	if _, err := bind.Body[tree](post(formType, nested.Encode())); err == nil {
		t.Error("lists in lists ask for elements without end")
	}
	deep := strings.Repeat("children.0.", 50) + "name=x"
	if got, err := bind.Body[tree](post(formType, deep)); err != nil || got.Children != nil {
		t.Errorf("a key of many parts: %v, %v", got, err)
	}
	if got, err := bind.Body[tree](post(formType, "children.1.children.0.name=x&name=y")); err != nil || len(got.Children) != 2 || got.Children[1].Children[0].Name != "x" {
		t.Errorf("a tree: %+v, %v", got, err)
	}
}

func TestStrict(t *testing.T) {
	b := bind.New[order](bind.Config{Strict: true})
	for _, test := range []struct{ contentType, body, want string }{
		{jsonType, `{"email":"a@b.example","by":"x"}`, ""},
		{jsonType, `{"emial":"a@b.example","items":[{"name":"x"}],"Secret":"x","price":"x"}`, "/Secret unknown, /emial unknown, /items/0/name unknown, /price type"},
		{jsonType, `{"email":`, "bodyparser: Invalid JSON at offset 9: syntax error"},
		{formType, `emial=x&items.0.name=x&secret=x`, "/emial unknown, /items.0.name unknown, /secret unknown"},
		{"text/plain", `x`, `bodyparser: Unsupported media type: Content-Type "text/plain"`},
	} {
		_, err := b.Body(post(test.contentType, test.body))
		if got, _ := fields(err); got != test.want {
			t.Errorf("%s: %s, want %s", test.body, got, test.want)
		}
	}
}

func TestMultipart(t *testing.T) {
	body := "--b\r\nContent-Disposition: form-data; name=mail\r\n\r\na@b.example\r\n--b\r\nContent-Disposition: form-data; name=tags\r\n\r\nx\r\n--b--\r\n"
	verified := bind.Config{Parser: bodyparser.Config{Verify: func(*http.Request, []byte) error { return nil }}}
	for name, h := range map[string]http.Handler{
		"alone":             bind.Handler(wantOrder(t)),
		"behind a parser":   bodyparser.New(bodyparser.Config{})(bind.Handler(wantOrder(t))),
		"behind a limit":    bodyparser.New(bodyparser.Config{Limit: 10_000})(bind.Handler(wantOrder(t))),
		"with verification": bind.HandlerWith(verified, wantOrder(t)),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post("multipart/form-data; boundary=b", body))
		if w.Code != 200 {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	withFile := strings.Replace(body, "name=tags", "name=tags; filename=x", 1)
	if _, err := bind.Body[order](post("multipart/form-data; boundary=b", withFile)); err == nil {
		t.Error("a file went nowhere")
	}
	large := strings.Replace(body, "a@b", strings.Repeat("a", 2<<20)+"@b", 1)
	if _, status := fields(second(bind.Body[order](post("multipart/form-data; boundary=b", large)))); status != 413 {
		t.Errorf("a form over the limit: %d", status)
	}
}

func second[T any](_ T, err error) error { return err }

func wantOrder(t *testing.T) func(http.ResponseWriter, *http.Request, order) error {
	return func(w http.ResponseWriter, r *http.Request, o order) error {
		if o.Email != "a@b.example" || len(o.Tags) != 1 {
			t.Errorf("%+v", o)
		}
		return nil
	}
}

func TestQuery(t *testing.T) {
	type query struct {
		ID    string   `schema:"pid" validate:"max=3"`
		Draft bool     `schema:"draft"`
		Tags  []string `schema:"tag"`
		Slug  []string `schema:"slug"`
		Page  int      `schema:"page,default:1" validate:"min=1"`
	}
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]/[[...slug]]": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			q, err := bind.Query[query](r)
			if err != nil {
				return err
			}
			return reply.JSON(w, r, 200, q)
		}),
	}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		target string
		status int
		want   string
	}{
		{"/api/post/1?draft=true&tag=a&tag=b", 200, `{"ID":"1","Draft":true,"Tags":["a","b"],"Slug":null,"Page":1}`},
		{"/api/post/1/x%2Fy/z?pid=2&slug=3&page=4", 200, `{"ID":"1","Draft":false,"Tags":null,"Slug":["x/y","z"],"Page":4}`},
		{"/api/post/1?page=0", 200, `{"ID":"1","Draft":false,"Tags":null,"Slug":null,"Page":1}`},
		{"/api/post/1?page=-1", 422, `"/page"`},
		{"/api/post/1?page=x", 400, `"/page"`},
		{"/api/post/1234", 422, `"/pid"`},
		{"/api/post/1?tag=%zz", 400, ``},
		{"/api/post/1?a;b", 400, ``},
		{"/api/post/1?" + strings.Repeat("tag=&", 1000), 400, ``},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", test.target, nil))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%.50s: %d %s, want %d %s", test.target, w.Code, w.Body, test.status, test.want)
		}
	}
	if _, err := bind.Query[[]int](httptest.NewRequest("GET", "/", nil)); err == nil {
		t.Error("a query became a list")
	}
}

func TestOtherTypes(t *testing.T) {
	if got, err := bind.Body[[]item](post(jsonType, `[{"sku":"a","qty":1}]`)); err != nil || len(got) != 1 {
		t.Errorf("a list: %v, %v", got, err)
	}
	if got, status := fields(second(bind.Body[[]item](post(jsonType, `[{"sku":"a","qty":1},{"qty":1}]`)))); status != 422 || got != "/1/sku required" {
		t.Errorf("a rule in a list: %d %s", status, got)
	}
	if got, status := fields(second(bind.Body[map[string]item](post(jsonType, `{"x":{"qty":1}}`)))); status != 422 || got != "/x/sku required" {
		t.Errorf("a rule in a map: %d %s", status, got)
	}
	if got, err := bind.Body[*item](post(jsonType, `null`)); err != nil || got != nil {
		t.Errorf("null for a pointer: %v, %v", got, err)
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

func TestManyMistakes(t *testing.T) {
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

func TestMessages(t *testing.T) {
	type in struct {
		A string   `validate:"min=1"`
		B string   `validate:"len=2"`
		C int      `validate:"gt=3"`
		D []int    `validate:"min=2"`
		E string   `validate:"oneof=x y"`
		F string   `validate:"eq=z"`
		G string   `validate:"eqfield=A"`
		H string   `validate:"required_with=C"`
		I string   `validate:"alpha"`
		J []string `validate:"unique"`
		K string   `validate:"startswith=k"`
	}
	_, err := bind.Body[in](post(jsonType, `{"C":1,"I":"1","G":"g","J":["a","a"]}`))
	var e *bind.Errors
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	var got []string
	for f := range e.All() {
		got = append(got, f.String()+"|"+f.Param)
	}
	want := []string{
		"/A must have at least 1 character|1", "/B must have exactly 2 characters|2", "/C must be more than 3|3", "/D must have at least 2 elements|2",
		"/E must be one of: x y|x y", "/F must be z|z", "/G must satisfy the rule eqfield|", "/H is required|", "/I must satisfy the rule alpha|",
		"/J must not have the same element twice|", "/K must satisfy the rule startswith=k|k",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestTagsAreCheckedAtOnce(t *testing.T) {
	type badRule struct {
		A string `validate:"requird"`
	}
	type badField struct {
		A bool `validate:"min=1"`
	}
	type badParam struct {
		A int `validate:"min=x"`
	}
	type loop struct{ *loop }
	type hidden struct{ *audit }
	type clash struct {
		A string `schema:"b"`
		B string `json:"c"`
	}
	type schemaRequired struct {
		A string `schema:"a,required"`
	}
	for why, make := range map[string]func(){
		"a rule that does not exist":      func() { bind.New[badRule](bind.Config{}) },
		"behind a pointer":                func() { bind.New[struct{ P *badRule }](bind.Config{}) },
		"in a list":                       func() { bind.New[[][]badRule](bind.Config{}) },
		"in a map of lists of pointers":   func() { bind.New[struct{ M map[string][]*badRule }](bind.Config{}) },
		"a rule for another type":         func() { bind.New[struct{ L []badField }](bind.Config{}) },
		"a parameter that is no number":   func() { bind.New[badParam](bind.Config{}) },
		"a type that embeds itself":       func() { bind.New[loop](bind.Config{}) },
		"an unexported pointer":           func() { bind.New[hidden](bind.Config{}) },
		"two fields of one name":          func() { bind.New[clash](bind.Config{}) },
		"required by schema":              func() { bind.New[schemaRequired](bind.Config{}) },
		"a parser that reads nothing":     func() { bind.New[item](bind.Config{Parser: bodyparser.Config{Raw: true}}) },
		"in the constructor of a handler": func() { bind.Handler(func(http.ResponseWriter, *http.Request, badRule) error { return nil }) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok {
					t.Errorf("%s: no panic with an error: %v", why, err)
				}
			}()
			make()
		}()
	}
	if _, status := fields(asStatus(second(bind.Body[badRule](post(jsonType, `{}`))))); status != 500 {
		t.Errorf("Body of a type with a bad rule: %d", status)
	}

	type node struct {
		Name string  `validate:"required"`
		Next *node   `json:"next"`
		All  []*node `json:"all" validate:"dive"`
		Time time.Time
	}
	bind.New[node](bind.Config{})
	type author struct{ Posts []*order }
	type post struct{ Author *author }
	bind.New[struct{ *Embedded }](bind.Config{}) // leads back to itself, but by a list
	bind.New[post](bind.Config{})
	bind.New[order](bind.Config{})
}

type Embedded struct {
	Children []struct{ *Embedded }
}

type statusError struct{ error }

func (statusError) StatusCode() int { return 500 }

func asStatus(err error) error {
	if _, ok := err.(interface{ StatusCode() int }); ok || err == nil {
		return err
	}
	return statusError{err}
}

func TestOwnValidator(t *testing.T) {
	type message struct {
		Text string `json:"text" validate:"nospam"`
	}
	type key struct{}
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidationCtx("nospam", func(ctx context.Context, f validator.FieldLevel) bool {
		word, _ := ctx.Value(key{}).(string) // panics on no context that lacks it
		return word == "" || !strings.Contains(f.Field().String(), word)
	}); err != nil {
		t.Fatal(err)
	}
	b := bind.New[message](bind.Config{Validator: v})
	r := post(jsonType, `{"text":"buy now"}`)
	_, err := b.Body(r.WithContext(context.WithValue(r.Context(), key{}, "buy")))
	if got, status := fields(err); status != 422 || got != "/text nospam" {
		t.Errorf("%d %s", status, got)
	}
}

func TestHandler(t *testing.T) {
	var log testkit.Log
	cfg := bind.Config{Logger: log.Logger()}
	var failure error
	h := bind.HandlerWith(cfg, func(w http.ResponseWriter, r *http.Request, in item) error {
		if failure == nil {
			fmt.Fprint(w, in.SKU)
		}
		return failure
	})
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for _, test := range []struct {
			why     string
			body    string
			failure error
			status  int
			want    string
			records int
		}{
			{"a value", `{"sku":"x","qty":1}`, nil, 200, "x", 0},
			{"a wrong type", `{"sku":7,"qty":1}`, nil, 400,
				`{"title":"Bad Request","status":400,"detail":"/sku must be a string","errors":[{"path":"/sku","rule":"type","message":"must be a string"}]}`, 0},
			{"a rule with a parameter", `{"sku":"x","qty":11}`, nil, 422,
				`{"title":"Unprocessable Entity","status":422,"detail":"/qty must be at most 10","errors":[{"path":"/qty","rule":"max","param":"10","message":"must be at most 10"}]}`, 0},
			{"an error of the handler", `{"sku":"x","qty":1}`, errors.New("secret"), 500, `{"title":"Internal Server Error","status":500}`, 1},
			{"an error with a status", `{"sku":"x","qty":1}`, reply.NewError(409, "taken"), 409, `{"title":"Conflict","status":409,"detail":"taken"}`, 0},
			{"fields of the handler's own", `{"sku":"x","qty":1}`, &bind.Errors{Fields: []bind.FieldError{{Path: "/sku", Rule: "unique", Message: "is taken"}}}, 422,
				`{"title":"Unprocessable Entity","status":422,"detail":"/sku is taken","errors":[{"path":"/sku","rule":"unique","message":"is taken"}]}`, 0},
		} {
			before := len(log.Records())
			failure = test.failure
			resp := tr.Do(t, h, post(jsonType, test.body))
			if got := testkit.Body(t, resp); resp.StatusCode != test.status || got != test.want {
				t.Errorf("%s: %d %s\nwant %d %s", test.why, resp.StatusCode, got, test.status, test.want)
			}
			if n := len(log.Records()) - before; n != test.records {
				t.Errorf("%s: %d records, want %d", test.why, n, test.records)
			}
		}
	})

	plain := bind.HandlerWith(bind.Config{OnError: reply.PlainError}, func(http.ResponseWriter, *http.Request, item) error { return nil })
	w := httptest.NewRecorder()
	plain.ServeHTTP(w, post(jsonType, `{"qty":1}`))
	if w.Code != 422 || w.Body.String() != "/sku is required" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The answer to the same request is the same to the byte, every time.
func TestAnswersAreStable(t *testing.T) {
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	for _, r := range [][2]string{
		{jsonType, `{"email":1,"items":[{"sku":1}],"tags":[1],"price":"x","notes":{"a":1,"b":2,"c":3}}`},
		{formType, `price=x&counts=x&gift=x&inner.deep.level=x&due=x&items.0.qty=x`},
		{jsonType, `{"email":"x","items":[{},{}],"notes":{"a":{},"b":{},"c":{}}}`},
	} {
		var first string
		for range 30 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, post(r[0], r[1]))
			if first == "" {
				first = w.Body.String()
			}
			if w.Body.String() != first {
				t.Fatalf("%s\n%s", first, w.Body)
			}
		}
	}
}

func TestValuesAreNotRepeated(t *testing.T) {
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	for _, r := range [][2]string{
		{jsonType, `{"email":"hunter2"}`},
		{jsonType, `{"price":"hunter2"}`},
		{jsonType, `{"due":"hunter2"}`},
		{jsonType, `{"email":hunter2}`},
		{formType, `price=hunter2`},
		{formType, `mail=hunter2`},
		{formType, `due=hunter2`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(r[0], r[1]))
		if w.Code < 400 || strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "order") {
			t.Errorf("%s: %d %s", r[1], w.Code, w.Body)
		}
	}
}

type created struct {
	ID string `json:"id"`
}

func (created) StatusCode() int { return 201 }

func TestFunc(t *testing.T) {
	h := bind.Func(func(r *http.Request, in item) (created, error) { return created{in.SKU}, nil })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, `{"sku":"x","qty":1}`))
	if w.Code != 201 || strings.TrimSpace(w.Body.String()) != `{"id":"x"}` || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	get := bind.Func(func(r *http.Request, _ struct{}) ([]string, error) { return []string{"<a>"}, nil })
	w = httptest.NewRecorder()
	get.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `["<a>"]` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	var log testkit.Log
	bad := bind.FuncWith(bind.Config{Logger: log.Logger()}, func(r *http.Request, _ struct{}) (any, error) { return func() {}, nil })
	w = httptest.NewRecorder()
	bad.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || len(log.Records()) != 1 {
		t.Errorf("a value that cannot be encoded: %d, %d records", w.Code, len(log.Records()))
	}
}

func TestBodyTwice(t *testing.T) {
	r := post(jsonType, `{"sku":"x","qty":1}`)
	for range 2 {
		if got, err := bind.Body[item](r); err != nil || got.SKU != "x" {
			t.Errorf("%v, %v", got, err)
		}
	}
	if got, err := bind.Body[map[string]any](r); err != nil || got["sku"] != "x" {
		t.Errorf("as another type: %v, %v", got, err)
	}
	// Behind a parser, its limits hold and not those of bind.
	h := bodyparser.New(bodyparser.Config{Limit: 3 << 20})(bind.Handler(func(http.ResponseWriter, *http.Request, item) error { return nil }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, `{"sku":"`+strings.Repeat("x", 2<<20)+`","qty":1}`))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestUnmarshalHook(t *testing.T) {
	// A decoder that says no more than that it does not like it.
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

// FuzzForm: no form takes the decoder down, asks for more than the bounds
// allow, or sets what is hidden.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"mail=x&items.0.sku=y", "items.-1.sku=x", "items[99][sku]=x", "tags[]=1&tags[]=2", "a.b.c[d][e]=1", "[=]", ".=.",
		"items..sku=1", "Secret=x", "inner.deep.level=9", "counts=1,2,,3", "days[3]=2026-01-02T03:04:05Z", "audit.by=x", "by=x",
	} {
		f.Add(seed)
	}
	b := bind.New[order](bind.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		got, err := b.Body(post(formType, text))
		if err != nil {
			if _, status := fields(err); status != 400 && status != 422 && status != 413 {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if got.Secret != "" || len(got.Items) > 100 || len(got.Days) > 100 || len(got.Tags) > 1000 {
			t.Fatalf("%q: %+v", text, got)
		}
	})
}

// FuzzJSON: bind accepts what encoding/json accepts, and names a place in what
// it refuses for its types.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"email":"a@b.example","items":[{"sku":"x","qty":1}]}`, `{"email":1}`, `{"notes":{"a":{"qty":"x"}}}`, `[]`, `null`, `{"due":"x","inner":{"deep":[]}}`,
		`{"counts":[1e3,1.5]}`, `{"from":"::1","days":["2026-01-02T03:04:05Z",1]}`,
	} {
		f.Add(seed)
	}
	b := bind.New[order](bind.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		if text == "" || !json.Valid([]byte(text)) {
			return
		}
		_, err := b.Body(post(jsonType, text))
		want := json.Unmarshal([]byte(text), new(order))
		got, status := fields(err)
		var e *bind.Errors
		switch {
		case want == nil && status == 400 && errors.As(err, &e):
			t.Fatalf("%q: refused for %s", text, got)
		case want != nil && status != 400:
			t.Fatalf("%q: accepted, encoding/json says %v", text, want)
		case want != nil && errors.As(err, &e) && e.Fields[0].Message == "does not fit":
			t.Fatalf("%q: no place named; encoding/json says %v", text, want)
		}
	})
}
