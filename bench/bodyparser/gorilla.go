package bodyparser

import (
	"net/http"

	"github.com/gorilla/schema"
)

func gorillaForm(max int64) http.Handler {
	decoder := schema.NewDecoder()
	decoder.IgnoreUnknownKeys(true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, max)
		err := r.ParseForm()
		if err == nil {
			err = decoder.Decode(new(cart), r.PostForm)
		}
		answer(w, err)
	})
}
