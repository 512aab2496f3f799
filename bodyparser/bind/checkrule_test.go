package bind_test

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser/bind"
)

// made returns the error of New for a T, "" if it accepts it.
func made[T any](v *validator.Validate) (complaint string) {
	defer func() {
		if p := recover(); p != nil {
			complaint = fmt.Sprint(p)
		}
	}()
	bind.New[T](bind.Config{Validator: v})
	return ""
}

func TestNewRefusesRulesThatDoNotFit(t *testing.T) {
	type inner struct {
		Name string `json:"name"`
		Age  int    `json:"age"`
	}
	for why, complaint := range map[string]string{
		"a number that is none": made[struct {
			V decimal `validate:"required,gt=0"`
		}](nil),
		"behind omitempty": made[struct {
			V *decimal `validate:"omitempty,gte=0"`
		}](nil),
		"a layout for a time": made[struct {
			V time.Time `validate:"required,datetime=2006-01-02"`
		}](nil),
		"the length of an address": made[struct {
			V netip.Addr `validate:"required,len=4"`
		}](nil),
		"in a list": made[struct {
			V []decimal `validate:"required,dive,required,gt=0"`
		}](nil),
		"in a map of lists": made[struct {
			V map[string][]decimal `validate:"max=3,dive,max=3,dive,required,gt=0"`
		}](nil),
		"for the keys of a map": made[struct {
			V map[bool]string `validate:"dive,keys,min=1,endkeys,required"`
		}](nil),
		"behind the keys of a map": made[struct {
			V map[string]bool `validate:"dive,keys,min=1,endkeys,min=1"`
		}](nil),
		"the keys of a list": made[struct {
			V []string `validate:"dive,keys,min=1,endkeys,required"`
		}](nil),
		"a dive into a number": made[struct {
			V int `validate:"omitempty,dive,min=1"`
		}](nil),
		"the second of two alternatives": made[struct {
			V bool `validate:"eq=true|min=1"`
		}](nil),
		"a rule behind one that fails": made[struct {
			V string `validate:"email,min=x"`
		}](nil),
		"a rule behind one that few values satisfy": made[struct {
			V int `validate:"eq=77,lowercase"`
		}](nil),
		"a rule for numbers": made[struct {
			V string `validate:"port"`
		}](nil),
		"pairs that are none": made[struct {
			A string
			V string `validate:"required_if=A"`
		}](nil),
		"a value that the other field cannot have": made[struct {
			A int
			V string `validate:"required_if=A x"`
		}](nil),
		"a field that is not there": made[struct {
			A string
			V string `validate:"eqfield=B"`
		}](nil),
		"one of several": made[struct {
			A string
			V string `validate:"required_without=A B"`
		}](nil),
		"one in another struct": made[struct {
			A inner
			V string `validate:"nefield=A.Nome"`
		}](nil),
		"a field of the elements": made[struct {
			V []inner `validate:"unique=Nome"`
		}](nil),
		"elements that cannot be compared": made[struct {
			V [][]string `validate:"unique"`
		}](nil),
		"text in a struct": made[struct {
			V nullString `validate:"omitempty,email"`
		}](nil),
		"a number in a struct": made[struct {
			V decimal `validate:"numeric"`
		}](nil),
		"one of two texts in a struct": made[struct {
			V nullString `validate:"email|e164"`
		}](nil),
		"an alias of the validator's": made[struct {
			V nullString `validate:"iscolor"`
		}](nil),
		"the text of an address": made[struct {
			V netip.Addr `validate:"ip"`
		}](nil),
		"the text of an address in bytes": made[struct {
			V net.IP `validate:"omitempty,ipv4"`
		}](nil),
		"a list in place of its elements": made[struct {
			V []string `validate:"max=3,email"`
		}](nil),
		"a URL that was taken apart": made[struct {
			V *url.URL `validate:"url"`
		}](nil),
		"a text for a number": made[struct {
			V int `validate:"email"`
		}](nil),
		"words for a number": made[struct {
			V int `validate:"oneof=a b"`
		}](nil),
		"a text for a bool": made[struct {
			V bool `validate:"numeric"`
		}](nil),
		"in a struct that is read from text": made[struct {
			V struct {
				mongoID
				A bool `validate:"min=1"`
			}
		}](nil),
		"in an Optional": made[struct {
			V bind.Optional[bool] `validate:"omitempty,min=1"`
		}](nil),
		"in a struct in an Optional": made[struct {
			V bind.Optional[struct {
				A bool `validate:"min=1"`
			}]
		}](nil),
		"in a list in an Optional": made[struct {
			V bind.Optional[[]decimal] `validate:"omitempty,dive,gt=0"`
		}](nil),
	} {
		if !strings.HasPrefix(complaint, "bind: ") || !strings.Contains(complaint, ".") {
			t.Errorf("%s: New says %q", why, complaint)
		}
	}
}

func TestNewAcceptsRulesThatFit(t *testing.T) {
	type inner struct {
		Name string `json:"name"`
	}
	type text string
	if complaint := made[struct {
		inner
		A  decimal             `validate:"required"`
		B  *time.Time          `validate:"omitempty,gt"`
		C  time.Duration       `validate:"min=1s,max=1h"`
		D  []string            `validate:"max=3,unique,dive,email"`
		E  map[string]int      `validate:"len=2,dive,keys,alpha,endkeys,gt=1000000"`
		F  any                 `validate:"min=3,dive,gt=0"`
		G  int8                `validate:"oneof=7 9"`
		H  uuid                `validate:"required,uuid4|uuid5"`
		I  mongoID             `validate:"required,mongodb"` // nothing tells that it never passes
		J  float32             `validate:"latitude"`
		K  int64               `validate:"luhn_checksum"`
		L  uint8               `validate:"iso3166_1_alpha_numeric"`
		M  []byte              `validate:"json"`
		N  bool                `validate:"required"`
		O  string              `validate:"required_if=N true Z 3,email"`
		P  *string             `validate:"required_without_all=O Name,omitempty,min=3"`
		Q  text                `validate:"contains=0x2C,excludesall=0x7C"`
		R  [3]int              `validate:"dive,ne=3"`
		S  []*inner            `validate:"unique=Name,dive"`
		T  []any               `validate:"dive,email"`
		U  string              `validate:"iscolor|eq=none"`
		V  struct{ A, B int }  `validate:"structonly"`
		W  nullString          `validate:"required"`
		X  bind.Optional[text] `validate:"omitempty,email|eq=none"`
		Y  bind.Optional[int]  `validate:"required,min=3"`
		Z  int                 `validate:"eq=3"`
		AA bool                `validate:"boolean"`
		AB []string            `validate:"gt=5000"`
		AC decimal             `validate:"excluded_with=O"`
		AD decimal             `validate:"nefield=A|required"`
		AE checked             `validate:"validateFn"`
		AF uint16              `validate:"port"`
	}](nil); complaint != "" {
		t.Error(complaint)
	}
}

// A checked validates itself, and panics on the samples.
type checked struct{ A []int }

func (j checked) Validate() bool { return j.A[7] == 0 }

func TestNewWithRegisteredRules(t *testing.T) {
	type own struct {
		V string `validate:"own"`
	}
	type price struct {
		V decimal `validate:"required,price"`
	}
	type replaced struct {
		V decimal `validate:"numeric"`
		W decimal `validate:"lowercase"`
	}
	type known struct {
		V nullString `validate:"omitempty,email"`
		W nullString `validate:"omitempty,max=20"`
	}
	type named struct {
		V bool `binding:"min=1"`
		W bool `validate:"min=1"`
	}
	type mapped struct {
		V bool
	}
	type whole struct {
		V string `validate:"required"`
	}
	for _, test := range []struct {
		why      string
		register func(*validator.Validate)
		made     func(*validator.Validate) string
		want     string // part of the error
	}{
		{"a rule that panics", func(v *validator.Validate) {
			v.RegisterValidation("own", func(f validator.FieldLevel) bool { panic("not today") })
		}, made[own], ""},
		{"a rule that is not registered", func(v *validator.Validate) {}, made[own], "own.V"},
		{"an alias that does not fit", func(v *validator.Validate) { v.RegisterAlias("price", "gt=0") }, made[price], "gt=0"},
		{"an alias that is not registered", func(v *validator.Validate) {}, made[price], "price.V"},
		{"rules in place of the validator's", func(v *validator.Validate) {
			v.RegisterValidation("numeric", func(f validator.FieldLevel) bool { return f.Field().Interface().(decimal).String() != "" })
			v.RegisterValidation("lowercase", func(f validator.FieldLevel) bool { return f.Field().Interface().(decimal).String() != "" })
		}, made[replaced], ""},
		{"a type that is registered", func(v *validator.Validate) {
			v.RegisterCustomTypeFunc(func(f reflect.Value) any {
				if s := f.Interface().(nullString); s.Valid {
					return s.String
				}
				return nil
			}, nullString{})
		}, made[known], ""},
		{"a type that is not", func(v *validator.Validate) {}, made[known], "known.W"},
		{"tags of another name", func(v *validator.Validate) { v.SetTagName("binding") }, made[named], "named.V"},
		{"rules without tags", func(v *validator.Validate) {
			v.RegisterStructValidationMapRules(map[string]string{"V": "min=1"}, mapped{})
		}, made[mapped], "mapped.V"},
		{"a function for a struct that panics", func(v *validator.Validate) {
			v.RegisterStructValidation(func(validator.StructLevel) { panic("not today") }, whole{})
		}, made[whole], ""},
	} {
		v := validator.New(validator.WithRequiredStructEnabled())
		test.register(v)
		if got := test.made(v); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: New says %q, want %q in it", test.why, got, test.want)
		}
	}
	type hidden struct {
		v bool `validate:"min=1"`
	}
	_ = hidden{}.v
	if got := made[hidden](validator.New(validator.WithPrivateFieldValidation())); !strings.Contains(got, "hidden.v") {
		t.Errorf("an unexported field with rules: New says %q", got)
	}
	if got := made[hidden](validator.New()); got != "" {
		t.Errorf("an unexported field: New says %q", got)
	}
}

// Custom rules are not tried, in any place.
func TestNewDoesNotTryCustomRules(t *testing.T) {
	type inner struct {
		V string `validate:"own"`
	}
	type in struct {
		A string  `validate:"required,own|email"`
		B inner   `validate:"required_with=A"`
		C []inner `validate:"max=3,dive"`
		D *inner  `validate:"omitempty,validateFn"`
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	calls := 0
	if err := v.RegisterValidation("own", func(validator.FieldLevel) bool { calls++; return true }); err != nil {
		t.Fatal(err)
	}
	v.RegisterStructValidation(func(validator.StructLevel) { calls++ }, inner{}, in{})
	if complaint := made[in](v); complaint != "" || calls > 0 {
		t.Errorf("%d calls, %s", calls, complaint)
	}
}
