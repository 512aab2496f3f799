package bind_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser/bind"
)

// A handler with a pointer never gets nil against the rules.
func TestNullForPointers(t *testing.T) {
	for _, test := range []struct {
		why, contentType, body string
		h                      http.Handler
		status                 int
		want                   string
	}{
		{"null", jsonType, "null", deref[*item](), 400, `"path":"","rule":"type","message":"must not be null"`},
		{"null with space", jsonType, " null\n", deref[*item](), 400, `"must not be null"`},
		{"an empty body", jsonType, "", deref[*item](), 400, `"path":"","rule":"type","message":"is empty"`},
		{"no body", "", "", deref[*item](), 400, `"is empty"`},
		{"a value", jsonType, `{"sku":"x","qty":1}`, deref[*item](), 200, ``},
		{"a rule", jsonType, `{"qty":1}`, deref[*item](), 422, `"/sku"`},
		{"a form", formType, `sku=x&qty=1`, deref[*item](), 200, ``},
		{"an empty form", formType, ``, deref[*item](), 422, `"/sku"`}, // an object without fields
		{"pointers to pointers", jsonType, "null", deref[**item](), 400, `"must not be null"`},
		{"a number", jsonType, "null", deref[*int](), 400, `"must not be null"`},
		{"far from the start", jsonType, strings.Repeat(" ", 60) + "null", deref[*item](), 400, `"must not be null"`},
		{"in another charset", "application/json; charset=utf-16le", strings.Repeat(" \x00", 60) + "n\x00u\x00l\x00l\x00", deref[*item](), 400, `"must not be null"`},
		{"a pointer to a list", jsonType, strings.Repeat("\n", 100) + "null", deref[*[]item](), 400, `"must not be null"`},
		{"a pointer to a map", jsonType, "null", deref[*map[string]int](), 400, `"must not be null"`},
		{"in a list behind a pointer", jsonType, "[null]", deref[*[]*item](), 400, `"path":"/0","rule":"type"`},
		{"a type that reads JSON", jsonType, strings.Repeat(" ", 60) + "null", deref[*selfRead](), 400, `"must not be null"`},
		{"beside a field from elsewhere", jsonType, strings.Repeat(" ", 60) + "null", deref[*headed](), 400, `"must not be null"`},
		{"of which the rest is there", jsonType, `{"n":1}`, deref[*headed](), 200, ""},
		{"pointers to pointers to one", jsonType, strings.Repeat(" ", 60) + "null", deref[**headed](), 400, `"must not be null"`},
		{"no pointer", jsonType, "null", deref[headed](), 200, ""},
		{"nothing asked for", jsonType, "", deref[*struct{}](), 200, ``},
		{"in a list", jsonType, `[{"sku":"x","qty":1},null]`, deref[[]*item](), 400, `"path":"/1","rule":"type"`},
		{"in a map", jsonType, `{"a":null}`, deref[map[string]*item](), 400, `"path":"/a","rule":"type"`},
		{"in a list in a map", jsonType, `{"a":[[null]]}`, deref[map[string][][]*item](), 400, `"path":"/a/0/0","rule":"type"`},
		{"numbers may be missing in a list", jsonType, `[1,null]`, deref[[]*int](), 200, ``},
		{"a list", jsonType, `null`, deref[[]item](), 200, ``},
		{"an element that is none", jsonType, `[null]`, deref[[]item](), 422, `"path":"/0/qty"`},
	} {
		w := httptest.NewRecorder()
		test.h.ServeHTTP(w, post(test.contentType, test.body))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d %s", test.why, w.Code, w.Body, test.status, test.want)
		}
	}
}

// A headed has a field outside the body.
type headed struct {
	Agent string `header:"User-Agent"`
	N     int    `json:"n"`
}

// deref returns a handler that would panic on a nil, for a pointer or for
// pointers to structs.
func deref[T any]() http.Handler {
	return bind.Func(func(r *http.Request, in T) (string, error) {
		switch in := any(in).(type) {
		case *item:
			return in.SKU, nil
		case **item:
			return (*in).SKU, nil
		case *[]item:
			return fmt.Sprint(len(*in)), nil
		case *map[string]int:
			return fmt.Sprint(len(*in)), nil
		case *[]*item:
			return (*in)[len(*in)-1].SKU, nil
		case *selfRead:
			return fmt.Sprint(in.Page), nil
		case *headed:
			return fmt.Sprint(in.Agent, in.N), nil
		case **headed:
			return fmt.Sprint((*in).Agent, (*in).N), nil
		case *int:
			return string(rune(*in)), nil
		case []*item:
			return in[len(in)-1].SKU, nil
		}
		return "", nil
	})
}

// Numbers keep their digits in every any.
func TestNumbersKeepDigits(t *testing.T) {
	type inner struct {
		V any `json:"v"`
	}
	type in struct {
		V    any              `json:"v"`
		M    map[string]any   `json:"m"`
		L    []map[string]any `json:"l"`
		In   *inner           `json:"in"`
		List []inner          `json:"list"`
	}
	const n, text = json.Number("9007199254740993"), "9007199254740993"
	got, err := bind.Body[in](post(jsonType, `{"v":`+text+`,"m":{"a":`+text+`},"l":[{"a":[`+text+`]}],"in":{"v":{"a":`+text+`}},"list":[{"v":`+text+`}]}`))
	if err != nil || got.V != n || got.M["a"] != n || got.L[0]["a"].([]any)[0] != n || got.In.V.(map[string]any)["a"] != n || got.List[0].V != n {
		t.Errorf("%#v, %v", got, err)
	}
	if got, err := bind.Body[[]map[string]any](post(jsonType, `[{"a":`+text+`}]`)); err != nil || got[0]["a"] != n {
		t.Errorf("%#v, %v", got, err)
	}
	if got, status := fields(second(bind.Body[in](post(jsonType, `{"m":{"a":[1,1e999]}}`)))); status != 400 || got != "/m/a type" && got != "/m type" {
		t.Errorf("a number beyond float64: %d %s", status, got)
	}
}

// A number with the option "string" has to be quoted, and the error has its
// place.
func TestJSONQuotedNumbers(t *testing.T) {
	type in struct {
		N int64    `json:"n,string"`
		F *float64 `json:"f,string"`
		B bool     `json:"b,string"`
	}
	for body, want := range map[string]string{
		`{"n":"9007199254740993","f":"1.5","b":"true"}`: "",
		`{"n":null,"f":null}`:                           "",
		`{"n":5,"f":1,"b":true}`:                        "/b type, /f type, /n type",
		`{"n":"x"}`:                                     "/n type",
	} {
		if got, _ := fields(second(bind.Body[in](post(jsonType, body)))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}

// A selfRead knows the place of its error.
type selfRead struct {
	Page int
	Deep struct{ A []int }
}

func (s *selfRead) UnmarshalJSON(text []byte) error {
	type plain selfRead
	return json.Unmarshal(text, (*plain)(s))
}

func TestErrorsInTypesThatReadJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"Page":"x"}`:       "/Page type",
		`{"Deep":{"A":"x"}}`: "/Deep/A type",
	} {
		if got, _ := fields(second(bind.Body[selfRead](post(jsonType, body)))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
		if got, _ := fields(second(bind.Body[[]selfRead](post(jsonType, "["+body+"]")))); got != "/0"+want {
			t.Errorf("in a list: %s: %s", body, got)
		}
	}
	// A form would bypass the method.
	if got, status := fields(second(bind.Body[selfRead](post(formType, "Page=7")))); status != 415 {
		t.Errorf("a form: %d %s", status, got)
	}
	if got, status := fields(asStatus(second(bind.Query[selfRead](httptest.NewRequest("GET", "/?Page=7", nil))))); status != 500 {
		t.Errorf("a query: %d %s", status, got)
	}
}
