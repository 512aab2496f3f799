package bind_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/apiece/apiece/bodyparser/bind"
)

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
