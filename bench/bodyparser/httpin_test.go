package bodyparser_test

import (
	"net/http"

	"github.com/ggicci/httpin"
	"github.com/go-playground/validator/v10"
)

func httpinBinder() rival {
	type input struct {
		Payload *order `in:"body=json"`
	}
	core, err := httpin.New(input{})
	if err != nil {
		panic(err)
	}
	v := validator.New(validator.WithRequiredStructEnabled())
	return over("httpin", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		in, err := core.Decode(r)
		if err == nil {
			err = v.Struct(in.(*input).Payload)
		}
		answer(w, err)
	}))
}
