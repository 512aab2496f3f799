package bind_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

func TestNewChecksTags(t *testing.T) {
	type badRule struct {
		A string `validate:"requird"`
	}
	type badField struct {
		A bool `validate:"min=1"`
	}
	type badParam struct {
		A int `validate:"min=x"`
	}
	for why, make := range map[string]func(){
		"a rule that does not exist":      func() { bind.New[badRule](bind.Config{}) },
		"behind a pointer":                func() { bind.New[struct{ P *badRule }](bind.Config{}) },
		"in a list":                       func() { bind.New[[][]badRule](bind.Config{}) },
		"in a map of lists of pointers":   func() { bind.New[struct{ M map[string][]*badRule }](bind.Config{}) },
		"a rule for another type":         func() { bind.New[struct{ L []badField }](bind.Config{}) },
		"a parameter that is no number":   func() { bind.New[badParam](bind.Config{}) },
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
	bind.New[struct{ *Embedded }](bind.Config{}) // leads back to itself, but through a list
	bind.New[post](bind.Config{})
	bind.New[order](bind.Config{})
}

type Embedded struct {
	Children []struct{ *Embedded }
}

type statusError struct{ error }

func asStatus(err error) error {
	if _, ok := err.(interface{ StatusCode() int }); ok || err == nil {
		return err
	}
	return statusError{err}
}

func TestConfigValidator(t *testing.T) {
	type message struct {
		Text string `json:"text" validate:"nospam"`
	}
	type key struct{}
	v := validator.New(validator.WithRequiredStructEnabled())
	if err := v.RegisterValidationCtx("nospam", func(ctx context.Context, f validator.FieldLevel) bool {
		word, _ := ctx.Value(key{}).(string) // panics on a context without it
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
