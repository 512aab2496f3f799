package bind_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/reply"
)

// A purchase is a request with the customer in the path and the rest in the
// body.
type purchase struct {
	Customer string `path:"customer"`
	Item     string `json:"item" validate:"required,max=40"`
	Count    int    `json:"count" validate:"min=1,max=10"`
}

// A search is a request with all fields in the query.
type search struct {
	Item string `json:"item" validate:"required"`
	Page int    `json:"page"`
}

// A receipt is a response with its own status.
type receipt struct {
	Text string `json:"text"`
}

func (receipt) StatusCode() int { return http.StatusCreated }

func place(r *http.Request, in purchase) (receipt, error) {
	return receipt{fmt.Sprintf("%d %s for %s", in.Count, in.Item, in.Customer)}, nil
}

func find(r *http.Request, in search) ([]receipt, error) {
	return []receipt{{fmt.Sprintf("page %d of %s", in.Page, in.Item)}}, nil
}

// A service of typed handlers, with plain text errors.
func ExampleFuncWith() {
	mux := http.NewServeMux()
	plain := bind.Config{OnError: reply.PlainError}
	mux.Handle("POST /api/{customer}/orders", bind.FuncWith(plain, place))
	mux.Handle("GET /api/orders", bind.QueryFuncWith(plain, find))

	for _, request := range []string{
		`POST /api/ada/orders {"item":"tea","count":2}`,
		`POST /api/ada/orders {"item":"tea","count":11}`,
		`POST /api/ada/orders {"item":"tea","count":"many"}`,
		`GET /api/orders?item=tea&page=2`,
		`GET /api/orders?page=two`,
	} {
		line := strings.SplitN(request, " ", 3)
		r := httptest.NewRequest(line[0], line[1], strings.NewReader(strings.Join(line[2:], "")))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 201 {"text":"2 tea for ada"}
	// 422 count must be at most 10
	// 400 count must be a whole number in range
	// 200 [{"text":"page 2 of tea"}]
	// 400 page must be a whole number in range
}
