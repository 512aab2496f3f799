package bind_test

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
)

const mergeType = "application/merge-patch+json"

type Stamp struct {
	By string `json:"by" validate:"max=3"`
}

type record struct {
	*Stamp
	Name   string              `json:"name" validate:"required,max=10"`
	Nick   *string             `json:"nick" validate:"omitempty,min=2"`
	Age    int                 `json:"age"`
	Home   address             `json:"home"`
	Work   *address            `json:"work"`
	Tags   []string            `json:"tags" validate:"max=3"`
	Sites  []address           `json:"sites" validate:"dive"`
	Prices map[string]int      `json:"prices"`
	Byte   map[int8]*address   `json:"byte" validate:"dive"`
	Extra  any                 `json:"extra"`
	Count  int                 `json:"count,string"`
	Born   time.Time           `json:"born"`
	Pet    bind.Optional[bool] `json:"pet,omitzero"`
	Hash   string              `json:"-"`
}

func stored() record {
	nick := "ann"
	return record{
		Stamp: &Stamp{"me"}, Name: "Anna", Nick: &nick, Age: 7, Home: address{"Rome", 1}, Work: &address{"Oslo", 2}, Tags: []string{"a", "b"},
		Sites: []address{{"x", 1}, {"y", 2}}, Prices: map[string]int{"a": 1, "b": 2}, Byte: map[int8]*address{1: {"z", 3}},
		Extra: map[string]any{"a": map[string]any{"b": "c", "d": "e"}, "f": []any{"g"}}, Count: 5, Born: time.Unix(0, 0).UTC(), Hash: "secret",
	}
}

func TestMergePatches(t *testing.T) {
	for _, test := range []struct {
		why, patch string
		status     int
		want       string // invalid fields, or the differences
	}{
		{"nothing", `{}`, 200, `{}`},
		{"no body", ``, 200, `{}`},
		{"a value", `{"name":"Bea","age":0}`, 200, `{"name":"Bea","age":0}`},
		{"null clears", `{"age":null,"nick":null,"work":null,"tags":null,"prices":null,"extra":null,"born":null}`, 200,
			`{"age":0,"nick":null,"work":null,"tags":null,"prices":null,"extra":null,"born":"0001-01-01T00:00:00Z"}`},
		{"a struct is merged", `{"home":{"zip":9},"work":{"city":"Kyiv"}}`, 200, `{"home":{"city":"Rome","zip":9},"work":{"city":"Kyiv","zip":2}}`},
		{"a list is replaced", `{"tags":["c"],"sites":[{"city":"q"}]}`, 200, `{"tags":["c"],"sites":[{"city":"q","zip":0}]}`},
		{"a map is merged", `{"prices":{"a":null,"b":3,"c":4},"byte":{"1":{"zip":4},"2":{"city":"n"}}}`, 200,
			`{"prices":{"b":3,"c":4},"byte":{"1":{"city":"z","zip":4},"2":{"city":"n","zip":0}}}`},
		{"an any is merged", `{"extra":{"a":{"b":null,"h":1},"f":{"x":null,"y":2}}}`, 200, `{"extra":{"a":{"d":"e","h":1},"f":{"y":2}}}`},
		{"an any is replaced", `{"extra":[null]}`, 200, `{"extra":[null]}`},
		{"an embedded struct", `{"by":"you"}`, 200, `{"by":"you"}`},
		{"a number as a string", `{"count":"6"}`, 200, `{"count":"6"}`},
		{"an Optional", `{"pet":null}`, 200, `{"pet":null}`},
		{"what is hidden, and what is not there", `{"Hash":"x","-":"x","y":1}`, 200, `{}`},
		{"names in other capitals", `{"NAME":"Bea"}`, 200, `{"name":"Bea"}`},
		{"a rule", `{"name":"a name that is long","nick":"a"}`, 422, "/name max, /nick min"},
		{"a rule about what is cleared", `{"name":null}`, 422, "/name required"},
		{"rules inside", `{"home":{"city":""},"sites":[{"zip":1}],"byte":{"1":{"city":null}},"by":"longer"}`, 422, "/by max, /byte/1/city required, /home/city required, /sites/0/city required"},
		{"wrong types", `{"age":"x","home":[],"work":{"zip":true},"tags":[1],"sites":[{"zip":"x"},7],"prices":{"a":"x"},"byte":{"x":{}},"count":"x","born":"x","pet":7,"nick":1}`, 400,
			"/age type, /born type, /byte/x type, /count type, /home type, /nick type, /pet type, /prices/a type, /sites/0/zip type, /sites/1 type, /tags/0 type, /work/zip type"},
		{"a list for the record", `[]`, 400, " type"},
		{"null for the record", `null`, 400, " type"},
		{"a type comes before a rule", `{"name":"","age":"x"}`, 400, "/age type"},
		{"syntax", `{"age":`, 400, "bodyparser: Invalid JSON at offset 7: syntax error"},
	} {
		rec, before := stored(), stored()
		unchanged := rec // shares the targets of its pointers
		err := bind.Merge(post(mergeType, test.patch), &rec)
		got, status := fields(err)
		if err == nil {
			got = difference(t, before, rec)
		}
		want := test.want
		if test.status == 200 {
			want = normal(t, want)
		}
		if status != test.status || got != want {
			t.Errorf("%s: %d %s\nwant %d %s", test.why, status, got, test.status, want)
		}
		if err != nil && !reflect.DeepEqual(rec, before) {
			t.Errorf("%s: the record is %+v", test.why, rec)
		}
		if !reflect.DeepEqual(unchanged, before) {
			t.Errorf("%s: a copy of the record is %+v", test.why, unchanged)
		}
		if rec.Hash != "secret" {
			t.Errorf("%s: what is hidden is %q", test.why, rec.Hash)
		}
	}
}

// difference returns the members of after that differ from before.
func difference(t *testing.T, before, after any) string {
	a, b := members(t, before), members(t, after)
	maps.DeleteFunc(b, func(name string, value any) bool {
		old, ok := a[name]
		return ok && reflect.DeepEqual(old, value)
	})
	text, _ := json.Marshal(b)
	return string(text)
}

func members(t *testing.T, v any) (m map[string]any) {
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func normal(t *testing.T, text string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(v)
	return string(out)
}

func TestMergeTypes(t *testing.T) {
	for contentType, status := range map[string]int{
		mergeType: 200, jsonType: 200, "application/merge-patch+json; charset=utf-8": 200,
		formType: 415, "text/plain": 415, "multipart/form-data; boundary=x": 415, "": 415,
	} {
		rec := stored()
		if got, s := fields(bind.Merge(post(contentType, `{"age":8}`), &rec)); s != status || (rec.Age == 8) != (status == 200) {
			t.Errorf("%q: %d %s, %d", contentType, s, got, rec.Age)
		}
	}
	m := map[string]*address{"a": {"x", 1}, "b": {"y", 2}}
	if err := bind.Merge(post(mergeType, `{"a":null,"b":{"zip":3}}`), &m); err != nil || len(m) != 1 || *m["b"] != (address{"y", 3}) {
		t.Errorf("a map: %v, %v", m, err)
	}
	p := &address{"x", 1}
	if err := bind.Merge(post(mergeType, `{"zip":3}`), &p); err != nil || *p != (address{"x", 3}) {
		t.Errorf("a pointer: %v, %v", p, err)
	}
}

func TestMergeStrict(t *testing.T) {
	b := bind.New[record](bind.Config{Strict: true, Parser: bodyparser.Config{Unmarshal: func(text []byte, v any) error {
		if json.Unmarshal(text, v) != nil {
			return errors.New("no")
		}
		return nil
	}}})
	rec := stored()
	got, status := fields(b.Merge(post(mergeType, `{"nam":"x","home":{"town":"x"},"sites":[{"city":"x","town":"y"}],"age":"x"}`), &rec))
	if status != 400 || got != "/age type, /home/town unknown, /nam unknown, /sites/0/town unknown" {
		t.Errorf("%d %s", status, got)
	}
	if err := b.Merge(post(mergeType, `{"age":8}`), &rec); err != nil || rec.Age != 8 {
		t.Errorf("%d, %v", rec.Age, err)
	}
}

// Fields that do not come from the body keep their values, and tags have their
// usual meaning.
func TestMergeTags(t *testing.T) {
	type deadline struct {
		Due time.Time `json:"due" format:"unix"`
	}
	type in struct {
		ID    int         `path:"id" json:"id"`
		Name  string      `json:"name"`
		Days  []time.Time `json:"days" format:"date"`
		Until deadline    `json:"until"`
	}
	rec := in{ID: 7, Name: "x"}
	err := bind.Merge(post(mergeType, `{"id":8,"ID":9,"name":"y","days":["2026-01-02"],"until":{"due":60}}`), &rec)
	if err != nil || rec.ID != 7 || rec.Name != "y" || len(rec.Days) != 1 || rec.Days[0].Day() != 2 || rec.Until.Due.Unix() != 60 {
		t.Errorf("%+v, %v", rec, err)
	}
	if got, _ := fields(bind.Merge(post(mergeType, `{"until":{"due":"x"}}`), &rec)); got != "/until/due type" {
		t.Errorf("a time that is none: %s", got)
	}

	list := []*address{{"x", 1}}
	if got, status := fields(bind.Merge(post(mergeType, `[null]`), &list)); status != 400 || got != "/0 type" || list[0] == nil {
		t.Errorf("null in a list of pointers: %d %s, %v", status, got, list)
	}

	type hidden struct{ A int }
	type behind struct{ *hidden }
	b := behind{&hidden{1}}
	if _, status := fields(asStatus(bind.Merge(post(mergeType, `{"A":2}`), &b))); status != 500 || b.A != 1 {
		t.Errorf("a pointer that cannot be set: %d, %d", status, b.A)
	}
}

// A sealed has its own JSON method, like a type that validates its input, and
// fields without a JSON name.
type sealed struct {
	Name  string             `json:"name"`
	Size  *int               `json:"size,omitempty"`
	Home  *address           `json:"home,omitempty"`
	Keys  map[string]*sealed `json:"keys,omitempty"`
	Tags  []string           `json:"tags,omitempty"`
	At    time.Time          `json:"at,omitzero"`
	Big   any                `json:"big,omitempty"`
	Hash  string             `json:"-"`
	count int
}

func (s *sealed) UnmarshalJSON(text []byte) error {
	type plain sealed
	var p plain
	err := json.Unmarshal(text, &p)
	if err == nil && p.Name == "bad" {
		err = errors.New("a name that is refused")
	}
	*s = sealed(p)
	return err
}

func aSealed() sealed {
	size := 1
	return sealed{
		Name: "a", Size: &size, Home: &address{"Rome", 1}, Keys: map[string]*sealed{"x": {Name: "k", Hash: "inner", count: 3}, "y": {}},
		Tags: []string{"t"}, At: time.Unix(0, 0), Hash: "secret", count: 7,
	}
}

// A type with its own JSON method is merged into like any other, at any depth.
func TestMergeOwnMethods(t *testing.T) {
	type holder struct {
		Value sealed                       `json:"value"`
		Ptr   *sealed                      `json:"ptr"`
		Map   map[string]sealed            `json:"map"`
		Opt   bind.Optional[sealed]        `json:"opt"`
		Raw   json.RawMessage              `json:"raw"`
		Plain bind.Optional[address]       `json:"plain"`
		Null  *nullable                    `json:"null"`
		Maps  map[string]map[string]sealed `json:"maps"`
	}
	for _, test := range []struct {
		why, patch string
		status     int
		want       string // invalid fields
		change     func(*sealed)
	}{
		{"nothing", `{}`, 200, "", func(s *sealed) {}},
		{"a value", `{"name":"b"}`, 200, "", func(s *sealed) { s.Name = "b" }},
		{"names in other capitals", `{"NAME":"b","Home":{"ZIP":2}}`, 200, "", func(s *sealed) { s.Name, s.Home = "b", &address{"Rome", 2} }},
		{"what it had", `{"name":"a"}`, 200, "", func(s *sealed) {}},
		{"null clears", `{"name":null,"size":null,"tags":null,"at":null}`, 200, "", func(s *sealed) { s.Name, s.Size, s.Tags, s.At = "", nil, nil, time.Time{} }},
		{"a struct is merged", `{"home":{"zip":2}}`, 200, "", func(s *sealed) { s.Home = &address{"Rome", 2} }},
		{"a pointer to what is no struct", `{"size":2}`, 200, "", func(s *sealed) { size := 2; s.Size = &size }},
		{"a map is merged", `{"keys":{"x":{"tags":["u"]},"y":null,"z":{"name":"n"}}}`, 200, "", func(s *sealed) {
			s.Keys = map[string]*sealed{"x": {Name: "k", Tags: []string{"u"}, Hash: "inner", count: 3}, "z": {Name: "n"}}
		}},
		{"a list is replaced", `{"tags":["u","v"]}`, 200, "", func(s *sealed) { s.Tags = []string{"u", "v"} }},
		{"a time", `{"at":"2026-01-02T03:04:05Z"}`, 200, "", func(s *sealed) { s.At = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }},
		{"what JSON has no name for", `{"hash":"x","Hash":"x","-":"x","count":9}`, 200, "", func(s *sealed) {}},
		{"what it refuses", `{"name":"bad"}`, 400, " type", nil},
		{"a wrong type", `{"size":"x"}`, 400, "/size type", nil},
		{"no object", `7`, 400, " type", nil},
	} {
		want := aSealed()
		merge := func(where string, got func() *sealed, do func() error) {
			t.Helper()
			err := do()
			wrong, status := fields(err)
			if test.status != 200 {
				if wanted := where + test.want; status != test.status || wrong != wanted {
					t.Errorf("%s, in %q: %d %s, want %d %s", test.why, where, status, wrong, test.status, wanted)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(*got(), want) {
				t.Errorf("%s, in %q: %+v, %v\nwant %+v", test.why, where, *got(), err, want)
			}
		}
		if test.change != nil {
			test.change(&want)
		}
		top, before := aSealed(), aSealed()
		unchanged := top
		merge("", func() *sealed { return &top }, func() error { return bind.Merge(post(mergeType, test.patch), &top) })
		if !reflect.DeepEqual(unchanged, before) {
			t.Errorf("%s: a copy of the record is %+v", test.why, unchanged)
		}
		ptr := aSealed()
		h := holder{Value: aSealed(), Ptr: &ptr, Map: map[string]sealed{"a": aSealed()}, Opt: bind.Optional[sealed]{Value: aSealed(), Set: true}}
		for where, got := range map[string]func() *sealed{
			"value": func() *sealed { return &h.Value }, "ptr": func() *sealed { return h.Ptr }, "opt": func() *sealed { return &h.Opt.Value },
			"map/a": func() *sealed { s := h.Map["a"]; return &s },
		} {
			outer, inner, nested := strings.Cut(where, "/")
			patch := `{"` + outer + `":` + test.patch + `}`
			if nested {
				patch = `{"` + outer + `":{"` + inner + `":` + test.patch + `}}`
			}
			merge("/"+where, got, func() error { return bind.Merge(post(mergeType, patch), &h) })
		}
		if !reflect.DeepEqual(ptr, before) {
			t.Errorf("%s: what the record pointed to is %+v", test.why, ptr)
		}
	}
	for _, r := range []string{"", jsonType} {
		top := aSealed()
		if err := bind.Merge(post(r, ""), &top); err != nil || !reflect.DeepEqual(top, aSealed()) {
			t.Errorf("no body, %q: %+v, %v", r, top, err)
		}
	}

	h := holder{Raw: json.RawMessage(`{"a":1,"b":{"c":9007199254740993}}`), Plain: bind.Optional[address]{Value: address{"Rome", 1}, Set: true}}
	err := bind.Merge(post(mergeType, `{"raw":{"a":null,"b":{"d":"<"}},"plain":{"zip":2},"null":5,"opt":{"name":"n"},"ptr":{"name":"p"},"maps":{"a":{"b":{"name":"q"}}}}`), &h)
	if err != nil || string(h.Raw) != `{"b":{"c":9007199254740993,"d":"<"}}` || h.Plain != (bind.Optional[address]{Value: address{"Rome", 2}, Set: true}) ||
		h.Null.n != 5 || h.Opt.Value.Name != "n" || !h.Opt.Set || h.Ptr.Name != "p" || h.Maps["a"]["b"].Name != "q" {
		t.Errorf("%s, %+v, %v", h.Raw, h, err)
	}
	h = holder{Raw: json.RawMessage{}, Plain: bind.Optional[address]{Set: true, Null: true}}
	err = bind.Merge(post(mergeType, `{"raw":{"a":1},"plain":{"city":"x"},"opt":null}`), &h)
	if err != nil || string(h.Raw) != `{"a":1}` || h.Plain != (bind.Optional[address]{Value: address{City: "x"}, Set: true}) || !h.Opt.Null {
		t.Errorf("%s, %+v, %v", h.Raw, h, err)
	}

	oneWay := oneWay{"a"}
	if _, status := fields(asStatus(bind.Merge(post(mergeType, `{"A":"b"}`), &oneWay))); status != 500 || oneWay.A != "a" {
		t.Errorf("a type that does not read its own JSON: %d, %+v", status, oneWay)
	}
}

// A oneWay cannot read its own JSON.
type oneWay struct{ A string }

func (*oneWay) UnmarshalJSON([]byte) error { return errors.New("not this") }

// Defaults apply to fields that were new or cleared, at any depth.
func TestMergeDefaults(t *testing.T) {
	type line struct {
		N    int    `json:"n" schema:",default:9"`
		Unit string `json:"unit" schema:",default:piece"`
	}
	type Base struct {
		Kind string `json:"kind" schema:",default:k"`
		Note string `json:"note"`
	}
	type in struct {
		*Base
		V line                `json:"v"`
		P **line              `json:"p"`
		L []line              `json:"l"`
		M map[string]*line    `json:"m"`
		O bind.Optional[line] `json:"o,omitzero"`
		D int64               `json:"d,string" schema:",default:7"`
		Q *int                `json:"q" schema:",default:7"`
	}
	for _, test := range []struct{ why, record, patch, want string }{
		{"what is there has none", `{"v":{"n":0},"d":"0"}`, `{"v":{"unit":"x"}}`, `{"v":{"n":0,"unit":"x"},"p":null,"l":null,"m":null,"d":"0","q":null}`},
		{"what is new has them", `{"d":"0"}`, `{"p":{},"l":[{}],"m":{"a":{}},"o":{}}`,
			`{"v":{"n":0,"unit":""},"p":{"n":9,"unit":"piece"},"l":[{"n":9,"unit":"piece"}],"m":{"a":{"n":9,"unit":"piece"}},"o":{"n":9,"unit":"piece"},"d":"0","q":null}`},
		{"but for what is given", `{"d":"0"}`, `{"p":{"n":0},"l":[{"n":0}],"m":{"a":{"n":0}},"o":{"n":0}}`,
			`{"v":{"n":0,"unit":""},"p":{"n":0,"unit":"piece"},"l":[{"n":0,"unit":"piece"}],"m":{"a":{"n":0,"unit":"piece"}},"o":{"n":0,"unit":"piece"},"d":"0","q":null}`},
		{"null was not given", `{"d":"0"}`, `{"p":{"n":null},"l":[{"n":null}],"m":{"a":{"n":null}},"o":{"n":null}}`,
			`{"v":{"n":0,"unit":""},"p":{"n":9,"unit":"piece"},"l":[{"n":9,"unit":"piece"}],"m":{"a":{"n":9,"unit":"piece"}},"o":{"n":9,"unit":"piece"},"d":"0","q":null}`},
		{"cleared", `{"d":"1","q":1,"v":{"n":1}}`, `{"d":null,"q":null,"v":null}`, `{"v":{"n":9,"unit":"piece"},"p":null,"l":null,"m":null,"d":"7","q":null}`},
		{"an embedded pointer", `{"d":"0"}`, `{"note":"x"}`, `{"kind":"k","note":"x","v":{"n":0,"unit":""},"p":null,"l":null,"m":null,"d":"0","q":null}`},
	} {
		var rec in
		if err := json.Unmarshal([]byte(test.record), &rec); err != nil {
			t.Fatal(err)
		}
		err := bind.Merge(post(mergeType, test.patch), &rec)
		if got := outcome(rec, err); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.why, got, test.want)
		}
	}
	type placed struct {
		ID int `path:"id"`
		N  int `json:"n" schema:",default:9"`
	}
	var rec *placed
	if err := bind.Merge(post(mergeType, `{}`), &rec); err != nil || rec == nil || rec.N != 9 {
		t.Errorf("a record that is not there: %+v, %v", rec, err)
	}
}

// The cases of RFC 7396, appendix A, except those that replace the whole
// document.
func TestMergePatchVectors(t *testing.T) {
	for _, test := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var doc map[string]any
		if err := json.Unmarshal([]byte(test[0]), &doc); err != nil {
			t.Fatal(err)
		}
		err := bind.Merge(post(mergeType, test[1]), &doc)
		if got, _ := json.Marshal(doc); err != nil || string(got) != test[2] {
			t.Errorf("%s and %s: %s, %v, want %s", test[0], test[1], got, err, test[2])
		}
	}
}

// FuzzMerge: the copy of the record never changes, nor does the record after an
// error. An empty record accepts the same as Body.
func FuzzMerge(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","home":{"zip":1}}`, `{"extra":{"a":{"b":null}}}`, `{"prices":{"a":null},"byte":{"1":null}}`, `{"sites":[{},{}],"tags":null}`,
		`{"work":{"city":"x"},"by":"x","count":"7","born":"2026-01-02T03:04:05Z","pet":true}`, `[]`, `{"name":"x","name":"y"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rec, before := stored(), stored()
		unchanged := rec
		err := bind.Merge(post(mergeType, text), &rec)
		if err != nil && !reflect.DeepEqual(rec, before) || !reflect.DeepEqual(unchanged, before) {
			t.Fatalf("%q: %v, %+v", text, err, rec)
		}
		if _, status := fields(err); status != 200 && status != 400 && status != 422 && status != 413 {
			t.Fatalf("%q: %v", text, err)
		}
		if strings.Contains(text, "null") || text == "" {
			return // null is a zero value in a list, and nothing in an object
		}
		var empty record
		merged := bind.Merge(post(mergeType, text), &empty)
		whole, err := bind.Body[record](post(jsonType, text))
		if (merged == nil) != (err == nil) {
			t.Fatalf("%q: merged %v, decoded %v", text, merged, err)
		}
		flat := err == nil && strings.Count(text, ":") == len(members(t, json.RawMessage(text))) // and no duplicate name
		if flat && !reflect.DeepEqual(empty, whole) {
			t.Fatalf("%q: merged %+v, decoded %+v", text, empty, whole)
		}
	})
}
