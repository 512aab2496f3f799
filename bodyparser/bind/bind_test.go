package bind_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

type item struct {
	SKU string `json:"sku" validate:"required"`
	Qty int    `json:"qty" validate:"min=1,max=10"`
}

type order struct {
	Email string `json:"email" validate:"required,email"`
	Items []item `json:"items" validate:"required,dive"`
}

func TestStatuses(t *testing.T) {
	h := bind.Func(func(r *http.Request, in order) (order, error) { return in, nil })
	for _, test := range []struct {
		contentType, body string
		status            int
		want              string
	}{
		{jsonType, `{"email":"a@b.example","items":[{"sku":"x","qty":2}]}`, 200, `{"email":"a@b.example","items":[{"sku":"x","qty":2}]}`},
		{formType, `email=a%40b.example&items.0.sku=x&items[0][qty]=2`, 200, `{"email":"a@b.example","items":[{"sku":"x","qty":2}]}`},
		{jsonType, `{"email":7,"items":[{"sku":"x","qty":"2"}]}`, 400, `"errors":[{"path":"/email","rule":"type","message":"must be a string"},{"path":"/items/0/qty","rule":"type","message":"must be a whole number in range"}]`},
		{jsonType, `{"email":`, 400, `"detail":"Invalid JSON"`},
		{jsonType, `{"email":"x","items":[{"sku":"","qty":2}]}`, 422, `"errors":[{"path":"/email","rule":"email","message":"must be an email address"},{"path":"/items/0/sku","rule":"required","message":"is required"}]`},
		{formType, `email=a%40b.example&items.-1.sku=x`, 400, `"path":"/items/-1"`},
		{"text/plain", `x`, 415, ``},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(test.contentType, test.body))
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s\nwant %d %s", test.body, w.Code, w.Body, test.status, test.want)
		}
	}
}
