package bodyparser

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Huma validates with its own tags; the rules are the same.
type humaOrder struct {
	ID       string      `json:"id" minLength:"1"`
	Email    string      `json:"email" format:"email"`
	Age      int         `json:"age" minimum:"18" maximum:"130"`
	Tags     []string    `json:"tags" maxItems:"20"`
	Address  humaAddress `json:"address"`
	Items    []humaItem  `json:"items" nullable:"true"`
	Comments string      `json:"comments"`
}

type humaAddress struct {
	Street string `json:"street" maxLength:"200" minLength:"1"`
	City   string `json:"city" minLength:"1"`
	Zip    string `json:"zip" minLength:"4" maxLength:"10"`
}

type humaItem struct {
	SKU   string  `json:"sku" minLength:"1"`
	Qty   int     `json:"qty" minimum:"1" maximum:"1000"`
	Price float64 `json:"price" minimum:"0"`
	Gift  bool    `json:"gift"`
	Note  string  `json:"note,omitempty"`
}

func humaAPI[In, Out any](max int64, fn func(context.Context, *In) (*Out, error)) http.Handler {
	mux := http.NewServeMux()
	api := humago.New(mux, huma.DefaultConfig("bench", "1"))
	huma.Register(api, huma.Operation{OperationID: "order", Method: "POST", Path: "/", MaxBodyBytes: max, DefaultStatus: 200}, fn)
	return mux
}

func humaOrders(max int64) http.Handler {
	return humaAPI(max, func(_ context.Context, in *struct{ Body humaOrder }) (*struct{}, error) {
		got(&in.Body)
		return nil, nil
	})
}

var humaBinder = over("huma", "github.com/danielgtaylor/huma/v2", func() http.Handler { return humaOrders(limit) })

func humaSmall() http.Handler {
	return humaAPI(kibibyte, func(_ context.Context, in *struct {
		Body struct {
			A string `json:"a" required:"false"`
		}
	}) (*struct{ Body []byte }, error) {
		return &struct{ Body []byte }{[]byte(in.Body.A)}, nil
	})
}
