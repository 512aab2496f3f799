package bind_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser/bind"
)

type address struct {
	City string `json:"city" validate:"required"`
	Zip  int    `json:"zip"`
}

type change struct {
	Nick    bind.Optional[string]             `json:"nick,omitzero" validate:"omitempty,min=2"`
	Age     bind.Optional[int8]               `json:"age,omitzero" validate:"omitempty,min=18"`
	Mail    bind.Optional[string]             `json:"mail,omitzero" validate:"omitempty,email"`
	Host    bind.Optional[netip.Addr]         `json:"host,omitzero"`
	Admin   bind.Optional[bool]               `json:"admin,omitzero"`
	Price   bind.Optional[float64]            `json:"price,omitzero"`
	Tags    bind.Optional[[]string]           `json:"tags,omitzero" validate:"omitempty,max=2,dive,max=3"`
	Home    bind.Optional[address]            `json:"home,omitzero"`
	Homes   map[string]bind.Optional[address] `json:"homes,omitempty" validate:"dive"`
	Version bind.Optional[int]                `json:"version,omitzero" schema:"version" validate:"required"`
}

func TestOptionalSources(t *testing.T) {
	for _, test := range []struct {
		why, contentType, body string
		status                 int
		want                   string // invalid fields, or the value as JSON
	}{
		{"left out", jsonType, `{"version":1}`, 200, `{"version":1}`},
		{"null", jsonType, `{"version":1,"nick":null,"age":null,"tags":null,"home":null}`, 200, `{"nick":null,"age":null,"tags":null,"home":null,"version":1}`},
		{"values", jsonType, `{"version":0,"nick":"abc","age":20,"host":"::1","admin":false,"tags":[],"home":{"city":"x"}}`, 200,
			`{"nick":"abc","age":20,"host":"::1","admin":false,"tags":[],"home":{"city":"x","zip":0},"version":0}`},
		{"an empty value is a value", jsonType, `{"version":1,"nick":""}`, 422, "/nick min"},
		{"rules are for the value", jsonType, `{"version":1,"age":17,"mail":"x","tags":["a","long"],"home":{}}`, 422, "/age min, /home/city required, /mail email, /tags/1 max"},
		{"in a map", jsonType, `{"version":1,"homes":{"a":{"zip":1},"b":null,"c":{"city":"x"}}}`, 422, "/homes/a/city required"},
		{"required, and left out", jsonType, `{}`, 422, "/version required"},
		{"required, and null", jsonType, `{"version":null}`, 422, "/version required"},
		{"wrong types", jsonType, `{"version":"1","age":200,"host":"x","tags":[1],"home":{"zip":"x"},"homes":{"a":[]}}`, 400,
			"/age type, /home/zip type, /homes/a type, /host type, /tags/0 type, /version type"},
		{"a form that names nothing", formType, `version=1`, 200, `{"version":1}`},
		{"a form with values", formType, `version=1&nick=abc&age=20&host=::1&admin=on&price=1.5`, 200, `{"nick":"abc","age":20,"host":"::1","admin":true,"price":1.5,"version":1}`},
		{"a form with fields left empty", formType, `version=1&nick=&age=&admin=`, 200, `{"nick":null,"age":null,"admin":null,"version":1}`},
		{"a form with wrong types", formType, `version=1&age=200&host=x&admin=x&price=NaN`, 400, "/admin type, /age type, /host type, /price type"},
		{"a form with lists and structs", formType, `version=1&tags=a&tags=b&home[city]=x&home.zip=7&homes[a].city=y`, 200,
			`{"tags":["a","b"],"home":{"city":"x","zip":7},"homes":{"a":{"city":"y","zip":0}},"version":1}`},
		{"a form with lists and structs left empty", formType, `version=1&tags=&home=&homes[a]=`, 200, `{"tags":null,"home":null,"homes":{"a":null},"version":1}`},
		{"a form with lists and structs that are wrong", formType, `version=1&home.zip=x&homes[a].zip=y`, 400, "/home/zip type, /homes/a/zip type"},
		{"a form with lists and structs that break rules", formType, `version=1&tags=long&tags=b&home.zip=1&homes[a].zip=7`, 422, "/home/city required, /homes/a/city required, /tags/0 max"},
		{"a form that breaks rules", formType, `version=&nick=a`, 422, "/nick min, /version required"},
		{"what is in it has no name", formType, `version=1&nick.value=abc`, 400, "/nick type"},
		{"a part that is none", jsonType, `{"version":1,"home":{"town":"x"}}`, 422, "/home/city required"},
		{"a part that is none, in a form", formType, `version=1&home.town=x`, 422, "/home/city required"},
	} {
		got, err := bind.Body[change](post(test.contentType, test.body))
		wrong, status := fields(err)
		if err == nil {
			text, _ := json.Marshal(got)
			wrong = string(text)
		}
		if status != test.status || wrong != test.want {
			t.Errorf("%s: %d %s\nwant %d %s", test.why, status, wrong, test.status, test.want)
		}
	}
	got, err := bind.Query[change](httptest.NewRequest("GET", "/?version=7&nick=", nil))
	if err != nil || got.Version.Value != 7 || !got.Nick.Null || got.Age.Set {
		t.Errorf("a query: %+v, %v", got, err)
	}
}

// Errors are the same as for a T.
func TestOptionalMessages(t *testing.T) {
	_, err := bind.Body[change](post(jsonType, `{"age":"x","admin":1,"home":7}`))
	var e *bind.Errors
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	for i, want := range []string{"admin must be true or false", "age must be a whole number in range", "home must be an object"} {
		if got := e.Fields[i].String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestOptionalStrict(t *testing.T) {
	b := bind.New[change](bind.Config{Strict: true})
	_, err := b.Body(post(jsonType, `{"version":1,"home":{"city":"x","town":"y"},"nik":"x"}`))
	if got, status := fields(err); status != 400 || got != "/home/town unknown, /nik unknown" {
		t.Errorf("%d %s", status, got)
	}
	_, err = b.Body(post(jsonType, `{"version":1,"home":{"city":"x","town":"y"}}`))
	if got, status := fields(err); status != 400 || got != "/home/town unknown" {
		t.Errorf("only within: %d %s", status, got)
	}
}

func TestOptionalElsewhere(t *testing.T) {
	type inner struct {
		N int `json:"n" schema:"n,default:7"`
	}
	type in struct {
		Counts  []bind.Optional[int]  `json:"counts"`
		In      bind.Optional[inner]  `json:"in"`
		Default bind.Optional[int]    `json:"default" schema:"default,default:7"`
		Other   bind.Optional[string] `json:"other" validate:"excluded_with=Counts"`
		Pointer *bind.Optional[int]   `json:"pointer"`
	}
	for _, test := range []struct{ why, contentType, body, want string }{
		{"nothing", jsonType, `{}`, `{"counts":null,"in":null,"default":7,"other":null,"pointer":null}`},
		{"no form", formType, ``, `{"counts":null,"in":null,"default":7,"other":null,"pointer":null}`},
		{"elements", jsonType, `{"counts":[1,null,2]}`, `{"counts":[1,null,2],"in":null,"default":7,"other":null,"pointer":null}`},
		{"elements in a form", formType, `counts=1&counts=&counts=2&pointer=3`, `{"counts":[1,null,2],"in":null,"default":7,"other":null,"pointer":3}`},
		{"a default within", jsonType, `{"in":{},"default":1,"pointer":3}`, `{"counts":null,"in":{"n":7},"default":1,"other":null,"pointer":3}`},
		{"null is no default", jsonType, `{"default":null}`, `{"counts":null,"in":null,"default":null,"other":null,"pointer":null}`},
		{"nor is it in a form", formType, `default=`, `{"counts":null,"in":null,"default":null,"other":null,"pointer":null}`},
		{"one that another excludes", jsonType, `{"counts":[],"other":"x"}`, "/other excluded_with"},
	} {
		got, err := bind.Body[in](post(test.contentType, test.body))
		text, _ := json.Marshal(got)
		if err != nil {
			wrong, _ := fields(err)
			text = []byte(wrong)
		}
		if string(text) != test.want {
			t.Errorf("%s: %s\nwant %s", test.why, text, test.want)
		}
		if err == nil && got.In.Set != strings.Contains(test.body, `"in"`) {
			t.Errorf("%s: %+v", test.why, got.In)
		}
	}
}

// A custom validator learns the Optionals only once.
func TestOptionalWithValidator(t *testing.T) {
	type one struct {
		A bind.Optional[string] `json:"a" validate:"omitempty,own"`
	}
	type two struct {
		A bind.Optional[string] `json:"a" validate:"omitempty,email"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidation("own", func(f validator.FieldLevel) bool { return f.Field().String() == "x" }); err != nil {
		t.Fatal(err)
	}
	v.RegisterCustomTypeFunc(func(f reflect.Value) any { return f.Interface().(decimal).String() }, decimal{})
	a, b := bind.New[one](bind.Config{Validator: v}), bind.New[two](bind.Config{Validator: v})
	if _, err := a.Body(post(jsonType, `{"a":"x"}`)); err != nil {
		t.Error(err)
	}
	if got, _ := fields(second(a.Body(post(jsonType, `{"a":"y"}`)))); got != "/a own" {
		t.Error(got)
	}
	if got, _ := fields(second(b.Body(post(jsonType, `{"a":"y"}`)))); got != "/a email" {
		t.Error(got)
	}
	// It is not changed afterwards, since it may be in use.
	var serving sync.WaitGroup
	serving.Go(func() {
		for range 100 {
			if _, err := a.Body(post(jsonType, `{"a":"x"}`)); err != nil {
				t.Error(err)
			}
		}
	})
	bind.New[two](bind.Config{Validator: v})
	serving.Wait()
	if _, status := fields(asStatus(second(bind.Body[*bind.Optional[address]](post(jsonType, `{"zip":1}`))))); status != 500 {
		t.Errorf("a body that is one: %d", status)
	}
}

func TestOptionalApply(t *testing.T) {
	name := "old"
	for _, test := range []struct {
		o    bind.Optional[string]
		want string
	}{
		{bind.Optional[string]{}, "old"},
		{bind.Optional[string]{Value: "new", Set: true}, "new"},
		{bind.Optional[string]{Set: true, Null: true}, ""},
	} {
		if test.o.Apply(&name); name != test.want {
			t.Errorf("%+v: %q, want %q", test.o, name, test.want)
		}
	}
}

// FuzzOptional: JSON survives a round trip, and a text is read as without the
// Optional.
func FuzzOptional(f *testing.F) {
	for _, seed := range []string{"null", `""`, `"x"`, "7", "1e2", "[1]", `{"a":null}`, "", "on", "true", "-128", "1.5", "nan"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		roundTrip[string](t, text)
		roundTrip[int8](t, text)
		roundTrip[[]any](t, text)
		roundTrip[map[string]*address](t, text)
	})
}

func roundTrip[T any](t *testing.T, text string) {
	var o bind.Optional[T]
	var plain *T
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	errOptional, errPlain := json.Unmarshal([]byte(text), &o), d.Decode(&plain)
	if !json.Valid([]byte(text)) && errOptional != nil {
		return // the decoder ignores what follows the first value
	}
	if (errOptional == nil) != (errPlain == nil) {
		t.Fatalf("%q: %v, without Optional %v", text, errOptional, errPlain)
	}
	if errOptional != nil {
		return
	}
	if !o.Set || o.Null != (plain == nil) || !o.Null && !reflect.DeepEqual(o.Value, *plain) {
		t.Fatalf("%q: %+v, without Optional %v", text, o, plain)
	}
	a, errA := json.Marshal(o)
	b, errB := json.Marshal(plain)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Fatalf("%q: %s %v, without Optional %s %v", text, a, errA, b, errB)
	}
}
