package bind_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
)

// Types whose JSON method is promoted from an embedded type.
type (
	event struct {
		time.Time
		Name string `json:"name"`
	}
	host struct {
		netip.Addr
		Port int `json:"port"`
	}
	boxed[T any] struct {
		time.Time
		V T
	}
)

// Types with their own method next to a promoted one.
type (
	ownPointer struct {
		time.Time
		Name string
	}
	ownValue struct {
		time.Time
		Names map[string]string
	}
	ownGeneric[T any] struct {
		time.Time
		V T
	}
)

func (o *ownPointer) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &o.Name) }
func (o ownValue) UnmarshalJSON(text []byte) error    { return json.Unmarshal(text, &o.Names) }
func (o *ownGeneric[T]) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &o.V)
}

// A field that no decoder can set is a fault of the type, which New finds: it is
// never the client's 400.
func TestNewRefusesUnreadableTypes(t *testing.T) {
	for why, complaint := range map[string]string{
		"a channel": made[struct {
			C chan int `schema:"-"`
		}](nil),
		"a function":               made[struct{ C func() }](nil),
		"an interface":             made[struct{ C io.Reader }](nil),
		"an interface in a list":   made[struct{ C [][]fmt.Stringer }](nil),
		"embedded":                 made[struct{ context.Context }](nil),
		"a complex number":         made[struct{ C *complex128 }](nil),
		"in a struct in a map":     made[map[string]struct{ C complex64 }](nil),
		"in an Optional":           made[struct{ C bind.Optional[error] }](nil),
		"the whole":                made[io.Reader](nil),
		"all elements":             made[[]error](nil),
		"keys that are floats":     made[struct{ C map[float64]int }](nil),
		"keys that are bools":      made[struct{ C map[bool]int }](nil),
		"keys that are structs":    made[struct{ C map[struct{ A int }]int }](nil),
		"the method of a time":     made[event](nil),
		"in a field":               made[struct{ V []*event }](nil),
		"of what has a name":       made[struct{ V named }](nil),
		"the method for text":      made[host](nil),
		"two steps down":           made[struct{ V struct{ event } }](nil),
		"the method of an element": made[struct{ V map[string]boxed[int] }](nil),
		"in an Optional's embedder": made[struct {
			V struct {
				bind.Optional[int]
				Name string
			}
		}](nil),
		"a file from the query": made[struct {
			F upload.File `query:"f"`
		}](nil),
		"a list of them": made[struct {
			F []upload.File `query:"f"`
		}](nil),
	} {
		if !strings.HasPrefix(complaint, "bind: ") || !strings.Contains(complaint, " ") {
			t.Errorf("%s: New says %q", why, complaint)
		}
	}
	for why, complaint := range map[string]string{
		"hidden": made[struct {
			C chan int  `json:"-"`
			D io.Reader `json:"-"`
			e func()
		}](nil),
		"an own method":             made[struct{ V ownPointer }](nil),
		"an own method of a value":  made[struct{ V ownValue }](nil),
		"of a generic type":         made[struct{ V ownGeneric[int] }](nil),
		"nothing beside the method": made[struct{ V struct{ time.Time } }](nil),
		"nothing that is for clients": made[struct {
			V struct {
				time.Time
				note string
				Note string `json:"-"`
			}
		}](nil),
		"keys that are texts": made[struct{ C map[objectID]map[int8]string }](nil),
	} {
		if complaint != "" {
			t.Errorf("%s: New says %q", why, complaint)
		}
	}
	hook := bodyparser.Config{Unmarshal: func(text []byte, dst any) error { return json.Unmarshal(text, dst) }}
	bind.New[struct{ S fmt.Stringer }](bind.Config{Parser: hook}) // the hook may know how to decode a Stringer
}

type named struct {
	time.Time `json:"at"`
	Name      string `json:"name"`
}

// A hue has a text for people that is not its name.
type hue string

func (h hue) String() string { return "the color " + string(h) }

// The keys of maps have the client's names in errors.
func TestErrorsNameMapKeys(t *testing.T) {
	type in struct {
		IDs  map[objectID]*item `json:"ids" validate:"dive"`
		Hues map[hue]item       `json:"hues" validate:"dive"`
		Nums map[int8]item      `json:"nums" validate:"dive"`
	}
	for _, test := range []struct{ got, want string }{
		{outcome(bind.Body[map[objectID]*item](post(jsonType, `{"01020304":null}`))), "400 /01020304 type"},
		{outcome(bind.Body[map[objectID][]*item](post(jsonType, `{"01020304":[null]}`))), "400 /01020304/0 type"},
		{outcome(bind.Body[map[objectID]item](post(jsonType, `{"01020304":{"qty":1}}`))), "422 /01020304/sku required"},
		{outcome(bind.Body[map[hue]item](post(jsonType, `{"red":{"qty":1}}`))), "422 /red/sku required"},
		{outcome(bind.Body[in](post(jsonType, `{"ids":{"01020304":{"qty":1}},"hues":{"red":{"qty":1}},"nums":{"-7":{"qty":1}}}`))), "422 /hues/red/sku required, /ids/01020304/sku required, /nums/-7/sku required"},
		{outcome(bind.Body[in](post(formType, `ids[01020304].qty=1&hues[red].qty=1&nums[-7].qty=1`))), "422 /hues/red/sku required, /ids/01020304/sku required, /nums/-7/sku required"},
	} {
		if test.got != test.want {
			t.Errorf("%s\nwant %s", test.got, test.want)
		}
	}
}

type link struct {
	Name string               `json:"name,omitempty"`
	Opt  bind.Optional[*link] `json:"opt,omitzero"`
}

// The cost of a text does not grow with its depth.
func TestBodyDepthCostsNothing(t *testing.T) {
	const size = 100 << 10
	chain := func(name string, depth int) string {
		return strings.Repeat(`{"`+name+`":`, depth) + `{"name":"` + strings.Repeat("x", size) + `"}` + strings.Repeat("}", depth)
	}
	type node struct {
		Name string `json:"name,omitempty"`
		Next *node  `json:"next,omitempty"`
	}
	b, n := bind.New[link](bind.Config{}), bind.New[node](bind.Config{})
	for why, read := range map[string]func() error{
		"decoded":           func() error { return second(n.Body(post(jsonType, chain("next", 500)))) },
		"merged":            func() error { return n.Merge(post(mergeType, chain("next", 500)), new(node)) },
		"Optionals":         func() error { return second(b.Body(post(jsonType, chain("opt", 60)))) },
		"Optionals, merged": func() error { return b.Merge(post(mergeType, chain("opt", 60)), new(link)) },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read()
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err != nil || used > 25*size {
			t.Errorf("%s: %d bytes for %d, %v", why, used, size, err)
		}
	}
	for _, got := range []string{
		outcome(b.Body(post(jsonType, chain("opt", 64)))),
		outcome(bind.New[struct{ Links []link }](bind.Config{Strict: true}).Body(post(jsonType, `{"Links":[`+chain("opt", 64)+`]}`))),
	} {
		if got != "400  type" {
			t.Errorf("Optionals without a bound: %.100s", got)
		}
	}
}

// Different names of the same key are duplicates in a patch too.
func TestMergeUniqueKeys(t *testing.T) {
	type in struct {
		Nums map[int]int      `json:"nums"`
		IDs  map[objectID]int `json:"ids"`
		Text map[string]int   `json:"text"`
	}
	b := bind.New[in](bind.Config{Parser: bodyparser.Config{UniqueKeys: true}})
	for patch, want := range map[string]string{
		`{"nums":{"1":1,"01":2}}`:                      "/nums/01 duplicate",
		`{"nums":{"1":1,"01":null}}`:                   "/nums/01 duplicate",
		`{"ids":{"0a0a0a0a":1,"0A0A0A0B":2}}`:          "",
		`{"nums":{"1":1,"2":2},"text":{"1":1,"01":2}}`: "",
	} {
		if got, _ := fields(b.Merge(post(mergeType, patch), new(in))); got != want {
			t.Errorf("%s: %s, want %s", patch, got, want)
		}
		if got, _ := fields(second(b.Body(post(jsonType, patch)))); got != want {
			t.Errorf("a body: %s: %s, want %s", patch, got, want)
		}
	}
}

// An exact is a map with its own method, which distinguishes names by case.
type exact struct{ all map[string]any }

func (e *exact) UnmarshalJSON(text []byte) error {
	e.all = nil
	return json.Unmarshal(text, &e.all)
}

func (e exact) MarshalJSON() ([]byte, error) {
	if e.all == nil {
		return nil, errors.New("nothing")
	}
	return json.Marshal(e.all)
}

// A patch that uses the spelling of a type with its own JSON method means the same
// as one that does not, null included.
func TestMergeOtherSpelling(t *testing.T) {
	type in struct {
		Role  role  `json:"role"`
		Exact exact `json:"exact"`
	}
	for patch, want := range map[string]string{
		`{"role":{"LEVEL":null}}`:          `{"role":{"Name":"user","Level":""},"exact":{"a":{"b":1}}}`,
		`{"role":{"LEVEL":"6"}}`:           `{"role":{"Name":"user","Level":"6"},"exact":{"a":{"b":1}}}`,
		`{"role":{"level":"6","x":null}}`:  `{"role":{"Name":"user","Level":"6"},"exact":{"a":{"b":1}}}`,
		`{"exact":{"A":null}}`:             `{"role":{"Name":"user","Level":"5"},"exact":{"a":{"b":1}}}`,
		`{"exact":{"a":{"B":2,"b":null}}}`: `{"role":{"Name":"user","Level":"5"},"exact":{"a":{"B":2}}}`,
		`{"exact":{"a":null}}`:             `{"role":{"Name":"user","Level":"5"},"exact":{}}`,
	} {
		rec := in{role{"user", "5"}, exact{map[string]any{"a": map[string]any{"b": 1.0}}}}
		err := bind.Merge(post(mergeType, patch), &rec)
		if got := outcome(rec, err); got != want {
			t.Errorf("%s: %s\nwant %s", patch, got, want)
		}
	}
}
