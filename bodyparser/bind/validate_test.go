package bind_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
)

// The cost of failures grows with their number, not with its square: a body of
// a megabyte holds a hundred thousand.
func TestValidateFailureAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	type named string
	type in struct {
		Strings map[string]item `json:"strings" validate:"dive"`
		Named   map[named]item  `json:"named" validate:"dive"`
		Numbers map[int]item    `json:"numbers" validate:"dive"`
	}
	for _, name := range []string{"strings", "named", "numbers"} {
		cost := func(n int) float64 {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `,"%d":{}`, i)
			}
			body := `{"` + name + `":{` + b.String()[1:] + `}}`
			return testing.AllocsPerRun(2, func() {
				var e *bind.Errors
				if _, err := bind.Body[in](post(jsonType, body)); !errors.As(err, &e) || len(e.Fields) != 50 {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		if few, many := cost(250), cost(1000); many > 5*few {
			t.Errorf("%s: 250 failures cost %v allocations, 1000 cost %v", name, few, many)
		}
	}
}

func TestErrorsInMaps(t *testing.T) {
	type named string
	type in struct {
		Named   map[named]map[string]item `json:"named" validate:"dive,dive"`
		Numbers map[int8]item             `json:"numbers" validate:"dive"`
		Lists   map[string][]item         `json:"lists" validate:"dive,dive"`
	}
	for _, test := range []struct{ why, body, want string }{
		{"a map in a map", `{"named":{"a]":{"b":{"qty":1}}}}`, "/named/a]/b/sku required"},
		{"a key that looks like two", `{"named":{"a][b":{"c":{"qty":1}},"a":{"b":{"sku":"x","qty":1}}}}`, "/named/a][b/c/sku required"},
		{"numbers", `{"numbers":{"-7":{"qty":1}}}`, "/numbers/-7/sku required"},
		{"a list in a map", `{"lists":{"[0]":[{"sku":"x","qty":1},{"qty":1}]}}`, "/lists/[0]/1/sku required"},
		{"more brackets than anybody's", `{"lists":{"` + strings.Repeat("]", 1000) + `":[{"qty":1}]}}`, "/lists required"},
	} {
		if got, status := fields(second(bind.Body[in](post(jsonType, test.body)))); status != 422 || got != test.want {
			t.Errorf("%s: %d %s, want %s", test.why, status, got, test.want)
		}
	}
}

// A list at the top has no tag for a limit.
func TestValidateStopsInLists(t *testing.T) {
	calls := 0
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidation("never", func(validator.FieldLevel) bool { calls++; return false }); err != nil {
		t.Fatal(err)
	}
	type element struct {
		A int `json:"a" validate:"never"`
	}
	lists := bind.New[[]element](bind.Config{Validator: v})
	maps := bind.New[map[string][]element](bind.Config{Validator: v})
	list := "[" + strings.Repeat("{},", 20_000) + "{}]"
	calls = 0
	if _, status := fields(second(lists.Body(post(jsonType, list)))); status != 422 || calls > 1000 {
		t.Errorf("a list: %d after %d checks", status, calls)
	}
	calls = 0
	if _, status := fields(second(maps.Body(post(jsonType, `{"a":`+list+`,"b":`+list+`}`)))); status != 422 || calls > 1000 {
		t.Errorf("lists in a map: %d after %d checks", status, calls)
	}
}

func nothing[T any](http.ResponseWriter, *http.Request, T) error { return nil }

// serve returns the response of a handler of T, with its log records.
func serve[T any](body string, v *validator.Validate) (*httptest.ResponseRecorder, *testkit.Log) {
	log := new(testkit.Log)
	h := bind.New[T](bind.Config{Validator: v, Logger: log.Logger()}).Handler(nothing[T])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, body))
	return w, log
}

func TestValidatePanicOfRule(t *testing.T) {
	type (
		pointers struct {
			V []*item `json:"v" validate:"unique=SKU"`
		}
		unique struct {
			V []any `json:"v" validate:"unique"`
		}
		atLeast struct {
			V any `json:"v" validate:"min=3"`
		}
		oneOf struct {
			V any `json:"v" validate:"oneof=a b"`
		}
		dived struct {
			V map[string]any `json:"v" validate:"dive,max=3"`
		}
		uniqueText struct {
			V any `json:"v" validate:"unique"`
		}
		dive struct {
			V any `json:"v" validate:"dive"`
		}
	)
	for _, test := range []struct {
		why  string
		do   func(string, *validator.Validate) (*httptest.ResponseRecorder, *testkit.Log)
		body string
	}{
		// Panics that New cannot find, since a client chooses the type.
		{"null among pointers", serve[pointers], `{"v":[null,null]}`},
		{"lists, which cannot be the key of a map", serve[unique], `{"v":[[1],[1]]}`},
		{"a string has nothing to be unique", serve[uniqueText], `{"v":"x"}`},
		{"a boolean has no size", serve[atLeast], `{"v":true}`},
		{"a fraction is none of a set of names", serve[oneOf], `{"v":1.5}`},
		{"a boolean in a map", serve[dived], `{"v":{"a":true}}`},
		{"a string has no elements", serve[dive], `{"v":"x"}`},
	} {
		w, log := test.do(test.body, nil)
		if w.Code == 422 {
			continue // newer validators let some rules fail where they panicked
		}
		records := log.Records()
		if w.Code != 500 || w.Body.String() != `{"title":"Internal Server Error","status":500}` || len(records) != 1 ||
			!regexp.MustCompile(`the rules of \w+\.V panicked: `).MatchString(testkit.Attr(records[0], "error")) {
			t.Errorf("%s: %d %s, logged %v", test.why, w.Code, w.Body, records)
		}
	}
}

func TestValidatePanicOfCustomRule(t *testing.T) {
	type in struct {
		A any `json:"a" validate:"own"`
	}
	for why, rule := range map[string]validator.Func{
		"a value of reflect": func(f validator.FieldLevel) bool { return f.Field().Len() > 0 && f.Field().Bool() },
		"an index":           func(f validator.FieldLevel) bool { return f.Field().String()[1] == 'x' },
		"a text":             func(validator.FieldLevel) bool { panic("not today") },
		"an error":           func(validator.FieldLevel) bool { panic(errors.New("not today")) },
	} {
		v := validator.New(validator.WithRequiredStructEnabled())
		if err := v.RegisterValidation("own", rule); err != nil {
			t.Fatal(err)
		}
		w, log := serve[in](`{"a":"x"}`, v)
		if w.Code != 500 || strings.Contains(w.Body.String(), "errors") {
			t.Errorf("%s: %d %s", why, w.Code, w.Body)
		}
		if records := log.Records(); len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "error"), "TestValidatePanicOfCustomRule") ||
			!strings.Contains(testkit.Attr(records[0], "error"), "the rules of in.A panicked: ") {
			t.Errorf("%s: logged %v", why, records)
		}
	}
}

// A function for the whole struct runs after the last field, which is not
// involved.
func TestValidatePanicOfStructFunction(t *testing.T) {
	type in struct {
		A string `json:"a" validate:"max=3"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterStructValidation(func(validator.StructLevel) { panic("not today") }, in{})
	w, log := serve[in](`{"a":"x"}`, v)
	if records := log.Records(); w.Code != 500 || len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "error"), "the rules of *bind_test.in panicked: not today") {
		t.Errorf("%d, logged %v", w.Code, records)
	}
}

func TestValidateMayAbort(t *testing.T) {
	type in struct {
		A string `json:"a" validate:"own"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidation("own", func(validator.FieldLevel) bool { panic(http.ErrAbortHandler) }); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	serve[in](`{"a":"x"}`, v)
}
