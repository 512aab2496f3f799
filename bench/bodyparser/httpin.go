package bodyparser

import (
	"net/http"

	"github.com/ggicci/httpin"
	"github.com/go-playground/validator/v10"
)

var httpinBinder = over("httpin", "github.com/ggicci/httpin", func() http.Handler {
	type input struct {
		Payload *order `in:"body=json"`
	}
	core, err := httpin.New(input{})
	if err != nil {
		panic(err)
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		in, err := core.Decode(r)
		if err == nil {
			o := in.(*input).Payload
			err = v.Struct(o)
			got(o)
		}
		answer(w, err)
	})
})
