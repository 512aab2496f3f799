package bind_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apiece/apiece/bodyparser/bind"
)

// FuzzForm: no form crashes the decoder, exceeds the limits, or sets a hidden
// field.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"mail=x&items.0.sku=y", "items.-1.sku=x", "items[99][sku]=x", "tags[]=1&tags[]=2", "a.b.c[d][e]=1", "[=]", ".=.",
		"items..sku=1", "Secret=x", "inner.deep.level=9", "counts=1,2,,3", "[]", "days[3]=2026-01-02T03:04:05Z", "audit.by=x", "by=x",
	} {
		f.Add(seed)
	}
	b := bind.New[order](bind.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		got, err := b.Body(post(formType, text))
		if err != nil {
			looksLikeJSON := strings.HasPrefix(strings.TrimSpace(text), "{") || strings.HasPrefix(strings.TrimSpace(text), "[")
			if _, status := fields(err); status != 400 && status != 422 && status != 413 && !(status == 415 && looksLikeJSON) {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if got.Secret != "" || len(got.Items) > 100 || len(got.Days) > 100 || len(got.Tags) > 1000 {
			t.Fatalf("%q: %+v", text, got)
		}
	})
}

// FuzzJSON: bind accepts what encoding/json accepts, and names a place if it
// refuses a value for its type.
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

// branch is the type for FuzzSame.
type branch struct {
	Name  string              `json:"name,omitempty"`
	N     int8                `json:"n,omitempty" schema:",default:7"`
	F     *float64            `json:"f,omitempty"`
	Names []string            `json:"names,omitempty"`
	Ns    []int8              `json:"ns,omitempty"`
	Grid  [][]bool            `json:"grid,omitempty"`
	Opt   []*int8             `json:"opt,omitempty"`
	Map   map[string]objectID `json:"map,omitempty"`
	Next  *branch             `json:"next,omitempty"`
	All   []branch            `json:"all,omitempty"`
	Named map[int8]branch     `json:"named,omitempty"`
	Dot   string              `json:"a.b,omitempty"`
}

// flatten writes JSON as the pairs of a form, and reports false for what a form
// cannot express: a list that is empty or has one empty element, a map key with
// brackets, an explicit null, and a name with dots that is not a field, since a
// form splits it.
func flatten(v any, key string, to url.Values) bool {
	part := func(v any, name string) bool {
		if name == "" || strings.ContainsAny(name, "[]") || key == "" && strings.Contains(name, ".") && name != "a.b" {
			return false
		}
		if key != "" {
			name = key + "[" + name + "]"
		}
		return flatten(v, name, to)
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 && key != "" {
			return false
		}
		for name, v := range v {
			if v == nil || v == "" || !part(v, name) {
				return false
			}
		}
	case []any:
		if len(v) == 0 || len(v) == 1 && (v[0] == nil || v[0] == "") {
			return false
		}
		for i, v := range v {
			if !part(v, strconv.Itoa(10*i)) { // with gaps
				return false
			}
		}
	case nil:
		to.Add(key, "")
	case string:
		to.Add(key, v)
	case json.Number:
		to.Add(key, v.String())
	case bool:
		to.Add(key, strconv.FormatBool(v))
	}
	return true
}

// FuzzSame: the same data as JSON and as a form give the same value.
func FuzzSame(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","n":0,"f":1.5,"names":["a","","c"],"ns":[1,0,3],"grid":[[true],[false,true]],"opt":[1,null,3]}`,
		`{"map":{"a.b":"01020304"},"next":{"next":{"n":1}},"all":[{"n":1},{"name":"y"}],"named":{"-3":{"n":2}},"a.b":"x"}`,
		`{"N":300}`, `{"map":{"a":"x"}}`, `{"named":{"x":{}}}`, `{"grid":[[1]]}`,
	} {
		f.Add(seed)
	}
	b := bind.New[branch](bind.Config{})
	f.Fuzz(func(t *testing.T, text string) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v map[string]any
		if d.Decode(&v) != nil || !utf8.ValidString(text) {
			return
		}
		// In JSON the last of several keys that are equal, or differ only in
		// case, counts. Forms refuse both.
		compact, _ := json.Marshal(v)
		values := url.Values{}
		fromJSON, err := b.Body(post(jsonType, string(compact)))
		if err != nil || !flatten(v, "", values) {
			return
		}
		fromForm, err := b.Body(post(formType, values.Encode()))
		var e *bind.Errors
		if errors.As(err, &e) && (e.Fields[0].Rule == "duplicate" || e.Fields[0].Rule == "index") {
			return
		}
		if err != nil || !reflect.DeepEqual(fromForm, fromJSON) {
			one, _ := json.Marshal(fromJSON)
			two, _ := json.Marshal(fromForm)
			t.Fatalf("%q: JSON %s\nform %s %v", text, one, two, err)
		}
	})
}

// FuzzSources: the body does not reach fields from elsewhere, and those are
// parsed like strconv.
func FuzzSources(f *testing.F) {
	f.Add("7", "8", "9", "10", `{"ID":1,"page":2,"X-N":3}`, true)
	f.Add("x", "8", "", "\xff", `ID=1&page=2&X-N=3`, false)
	type in struct {
		ID    int64  `path:"id"`
		Page  int64  `query:"page"`
		N     int64  `header:"X-N"`
		C     int64  `cookie:"c"`
		Title string `json:"title"`
	}
	b := bind.New[in](bind.Config{})
	f.Fuzz(func(t *testing.T, id, page, n, c, body string, form bool) {
		contentType := jsonType
		if form {
			contentType = formType
		}
		r := post(contentType, body)
		r.URL.RawQuery = url.Values{"page": {page}}.Encode()
		r.Pattern = "/{id}"
		r.SetPathValue("id", id)
		r.Header["X-N"] = []string{n}
		r.Header["Cookie"] = []string{"c=" + c}
		got, err := b.Body(r)
		if err != nil {
			if _, status := fields(err); status != 400 && status != 413 && status != 415 {
				t.Fatal(err)
			}
			return
		}
		for _, test := range []struct {
			text string
			got  int64
		}{{id, got.ID}, {page, got.Page}, {n, got.N}} {
			if want, err := strconv.ParseInt(test.text, 10, 64); test.got != want || err != nil && test.text != "" {
				t.Fatalf("%q became %d", test.text, test.got)
			}
		}
	})
}

// FuzzKeys: a list has at most as many elements as keys were sent, in the order
// of the client's numbers, and every key that names it is accepted or refused.
func FuzzKeys(f *testing.F) {
	f.Add("0", "2", "1")
	f.Add("007", "7", "18446744073709551615")
	f.Add("-1", "][", "")
	type in struct {
		Rows []struct{ V string }
	}
	b := bind.New[in](bind.Config{})
	f.Fuzz(func(t *testing.T, one, two, three string) {
		values, numbers := url.Values{}, map[uint64]bool{}
		for _, index := range []string{one, two, three} {
			values.Set("Rows["+index+"][V]", index)
			if n, err := strconv.ParseUint(index, 10, 64); err == nil {
				numbers[n] = true
			}
		}
		got, err := b.Query(httptest.NewRequest(http.MethodGet, "/?"+values.Encode(), nil))
		if err != nil {
			if _, status := fields(err); status != http.StatusBadRequest {
				t.Fatal(err)
			}
			return
		}
		if len(got.Rows) != len(numbers) {
			t.Fatalf("%q: %+v", values, got)
		}
		last := uint64(0)
		for _, row := range got.Rows {
			n, err := strconv.ParseUint(row.V, 10, 64)
			if err != nil || n < last {
				t.Fatalf("%q: %+v", values, got)
			}
			last = n
		}
	})
}
