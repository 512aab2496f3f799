package bind_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser/bind"
)

// said returns the messages about a body, each with its field.
func said[T any](t *testing.T, cfg bind.Config, body string) []string {
	t.Helper()
	_, err := bind.New[T](cfg).Body(post(jsonType, body))
	var e *bind.Errors
	if !errors.As(err, &e) {
		t.Fatalf("%s: %v", body, err)
	}
	var got []string
	for f := range e.All() {
		if f.Param != "" {
			f.Message += " | " + f.Param
		}
		got = append(got, f.String())
	}
	return got
}

func TestMessagesOfRules(t *testing.T) {
	type bounds struct {
		A string               `json:"a" validate:"min=1"`
		B string               `json:"b" validate:"len=2"`
		C int                  `json:"c" validate:"gt=3"`
		D []int                `json:"d" validate:"min=2"`
		E map[string]int       `json:"e" validate:"gte=1"`
		F []byte               `json:"f" validate:"len=16"`
		G time.Duration        `json:"g" validate:"min=1500ms"`
		H time.Duration        `json:"h" validate:"lt=-1000"`
		I time.Time            `json:"i" validate:"gt"`
		J time.Time            `json:"j" validate:"gte"`
		K float64              `json:"k" validate:"gt=2.5"`
		L *string              `json:"l" validate:"min=3"`
		M bool                 `json:"m" validate:"eq=true"`
		N []int                `json:"n" validate:"eq=3"`
		O string               `json:"o" validate:"ne="`
		P int                  `json:"p" validate:"len=7"`
		Q bind.Optional[[]int] `json:"q" validate:"min=2"`
	}
	type texts struct {
		A string   `json:"a" validate:"oneof=x 'y z'"`
		B string   `json:"b" validate:"eq=z"`
		C string   `json:"c" validate:"alpha"`
		D []string `json:"d" validate:"unique"`
		E string   `json:"e" validate:"startswith=k"`
		F string   `json:"f" validate:"contains=0x2C"`
		G string   `json:"g" validate:"iscolor"`
		H string   `json:"h" validate:"ipv4|hostname"`
		I string   `json:"i" validate:"datetime=2006-01-02"`
		J string   `json:"j" validate:"len=3|len=5"`
	}
	type inner struct {
		Sum int `json:"sum"`
	}
	type others struct {
		Password string    `json:"password"`
		Repeated string    `json:"repeated" validate:"eqfield=Password"`
		Card     string    `json:"card" validate:"required_if=Kind card Inner.Sum 0"`
		Kind     string    `json:"kind"`
		Inner    inner     `json:"inner"`
		Phone    string    `json:"phone" validate:"required_without_all=Mail Post"`
		Mail     string    `json:"mail" validate:"required_without=Phone"`
		Post     string    `json:"post" validate:"required_unless=Kind cash Inner.Sum 5"`
		Secret   string    `json:"-"`
		Hidden   string    `json:"hidden" validate:"eqfield=Secret,required_with=Secret"`
		From     time.Time `json:"from"`
		Until    time.Time `json:"until" validate:"gtfield=From"`
		Old      string    `json:"old" validate:"excluded_with=Kind"`
		Sum      int       `json:"sum" validate:"gtecsfield=Inner.Sum"`
		Both     string    `json:"both" validate:"required_with_all=Kind Repeated"`
		Longer   string    `json:"longer" validate:"gtfield=Kind"`
	}
	for _, test := range []struct {
		got, want []string
	}{
		{said[bounds](t, bind.Config{}, `{"c":1,"f":"MQ==","q":[1]}`), []string{
			"a must have at least 1 character | 1", "b must have exactly 2 characters | 2", "c must be more than 3 | 3", "d must have at least 2 elements | 2",
			"e must have at least 1 element | 1", "f must have exactly 16 bytes | 16", "g must be at least 1.5s | 1500ms", "h must be less than -1µs | -1000",
			"i must be in the future", "j must be now or later", "k must be more than 2.5 | 2.5", "l must have at least 3 characters | 3", "m must be true | true",
			"n must have exactly 3 elements | 3", `o must not be ""`, "p must be 7 | 7", "q must have at least 2 elements | 2",
		}},
		{said[texts](t, bind.Config{}, `{"c":"1","d":["a","a"],"h":"-","i":"x"}`), []string{
			"a must be one of: x, y z | x 'y z'", "b must be z | z", "c must contain only the letters A to Z", "d must not have the same element twice",
			`e must start with "k" | k`, `f must contain "," | ,`, "g must be a color such as #ff8800 or rgb(255, 136, 0)",
			"h must be an IPv4 address, or must be a host name", "i must have the form 2006-01-02 | 2006-01-02",
			"j must have exactly 3 characters, or must have exactly 5 characters",
		}},
		{said[others](t, bind.Config{}, `{"repeated":"x","kind":"card","hidden":"x","old":"x","sum":-1}`), []string{
			"both is required when kind and repeated are given", "card is required when kind is card and inner.sum is 0", "hidden must fit another value",
			"longer must be longer than kind | kind", "mail is required when phone is missing", "old must be left out when kind is given",
			"phone is required when mail and post are missing", "post is required unless kind is cash or inner.sum is 5",
			"repeated must be the same as password | password", "sum must be at least inner.sum | inner.sum", "until must be after from | from",
		}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("got  %q\nwant %q", test.got, test.want)
		}
	}
}

// allRules returns the rules of the validator, each with a parameter if
// required.
func allRules(t *testing.T) (rules []string) {
	names := []string{"iscolor", "country_code", "eu_country_code"}
	for _, key := range reflect.ValueOf(validator.New()).Elem().FieldByName("validations").MapKeys() {
		names = append(names, key.String())
	}
	if len(names) < 170 {
		t.Fatalf("%d rules", len(names))
	}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, "_if"), strings.HasSuffix(name, "_unless"):
			name += "=Other x"
		case strings.HasPrefix(name, "required_"), strings.HasPrefix(name, "excluded_"), strings.HasSuffix(name, "field"), strings.HasPrefix(name, "field"), name == "unique":
			name += "=Other"
		case slices.Contains([]string{"min", "max", "gt", "gte", "lt", "lte"}, name):
			name += "=2"
		case slices.Contains([]string{"len", "eq", "ne"}, name):
			name += "=1"
		case slices.Contains([]string{"containsany", "containsrune", "excludesall", "excludesrune", "startswith", "endswith", "startsnotwith", "endsnotwith", "contains", "excludes"}, name),
			strings.HasPrefix(name, "oneof"), strings.HasPrefix(name, "noneof"), strings.HasSuffix(name, "ignore_case"):
			name += "=a"
		case name == "mimetype":
			name += "=image/png"
		case name == "datetime":
			name += "=2006-01-02"
		case name == "postcode_iso3166_alpha2":
			name += "=DE"
		}
		rules = append(rules, name)
	}
	return rules
}

func TestMessagesForEveryRule(t *testing.T) {
	for _, rule := range allRules(t) {
		name, param, _ := strings.Cut(rule, "=")
		if got := bind.Phrase(name, param); got == "" || strings.ContainsAny(got, "{}") {
			t.Errorf("%s: %q", rule, got)
		}
	}
}

// The message of a rule for text is known only if some text satisfies it.
func TestSamplesForEveryRule(t *testing.T) {
	none := map[string]string{
		"file": "asks the file system", "dir": "asks the file system", "image": "asks the file system", "uds_exists": "asks the file system",
		"mimetype=image/png": "asks the file system", "port": "is for numbers", "iso4217_numeric": "is for numbers", "validateFn": "is a method of the service's",
		"isdefault": "is for what is empty", "excluded_unless=Other x": "is for what is empty", "excluded_with=Other": "is for what is empty",
		"excluded_with_all=Other": "is for what is empty",
	}
	for _, rule := range allRules(t) {
		if _, ok := none[rule]; bind.SampleFor(rule) == ok {
			t.Errorf("%s: a text satisfies it: %t", rule, !ok)
		}
	}
}

func TestMessagesOfAliases(t *testing.T) {
	type in struct {
		Price int    `json:"price" validate:"price"`
		Name  string `json:"name" validate:"polite"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterAlias("price", "min=0,max=100")
	v.RegisterValidation("polite", func(validator.FieldLevel) bool { return false })
	got := said[in](t, bind.Config{Validator: v}, `{"price":101}`)
	if want := []string{"name must satisfy the rule polite", "price must be at most 100 | 100"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestConfigMessage(t *testing.T) {
	type in struct {
		Name string `json:"name" schema:"name" validate:"min=3"`
		Tags []int  `json:"tags" schema:"tags" validate:"min=3"`
		Age  int    `json:"age" schema:"age" validate:"min=3"`
	}
	cfg := bind.Config{Strict: true, Message: func(r *http.Request, f bind.FieldError) string {
		if r.Header.Get("Accept-Language") != "de" {
			return ""
		}
		switch f.Rule {
		case "min":
			return "braucht mindestens " + f.Param + map[reflect.Kind]string{reflect.String: " Zeichen", reflect.Slice: " Einträge"}[f.Kind]
		case "type", "unknown":
			return "passt nicht (" + f.Path + ")"
		}
		return ""
	}}
	b := bind.New[in](cfg)
	h := b.Handler(nothing[in])
	for _, test := range []struct{ language, target, body, want string }{
		{"de", "", `{"name":"x"}`, `"detail":"age braucht mindestens 3","errors":[{"path":"/age","rule":"min","param":"3","message":"braucht mindestens 3"},` +
			`{"path":"/name","rule":"min","param":"3","message":"braucht mindestens 3 Zeichen"},{"path":"/tags","rule":"min","param":"3","message":"braucht mindestens 3 Einträge"}]`},
		{"de", "", `{"name":7,"x":1}`, `"errors":[{"path":"/name","rule":"type","message":"passt nicht (/name)"},{"path":"/x","rule":"unknown","message":"passt nicht (/x)"}]`},
		{"en", "", `{"name":7}`, `"message":"must be a string"`},
	} {
		r := post(jsonType, test.body)
		r.Header.Set("Accept-Language", test.language)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %s\nwant %s", test.body, w.Body, test.want)
		}
	}
	r := httptest.NewRequest("GET", "/?name=x&age=3&tags=1,2,3", nil)
	r.Header.Set("Accept-Language", "de")
	if _, err := b.Query(r); err == nil || err.Error() != "bind: name braucht mindestens 3 Zeichen" {
		t.Errorf("a query: %v", err)
	}
	if _, err := b.Values(r.URL.Query()); err == nil || err.Error() != "bind: name must have at least 3 characters" {
		t.Errorf("values without a request: %v", err)
	}
	seen := ""
	look := bind.New[in](bind.Config{Message: func(r *http.Request, f bind.FieldError) string {
		rest, err := io.ReadAll(r.Body)
		seen = fmt.Sprintf("%s %q %q %q %q %v", r.Method, r.URL.Path, r.FormValue("lang"), r.Header.Get("Accept-Language"), rest, err)
		return ""
	}})
	if _, err := look.Values(nil); err == nil || seen != `GET "" "" "" "" <nil>` {
		t.Errorf("the request for values without one: %s, %v", seen, err)
	}
	r = post(jsonType, `{"age":2}`)
	r.Header.Set("Accept-Language", "de")
	if err := b.Merge(r, &in{"abc", []int{1, 2, 3}, 3}); err == nil || err.Error() != "bind: age braucht mindestens 3" {
		t.Errorf("a change: %v", err)
	}
}

func TestErrorsAreSentences(t *testing.T) {
	for path, want := range map[string]string{
		"":                "the body is wrong",
		"/name":           "name is wrong",
		"/items/0/sku":    "items.0.sku is wrong",
		"/notes/a.b~1c~0": "notes.a.b/c~ is wrong",
	} {
		f := bind.FieldError{Path: path, Message: "is wrong"}
		if got := f.String(); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
		e := &bind.Errors{Fields: []bind.FieldError{f}}
		if got := cmp.Or(e.PublicMessage(), "nothing"); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
