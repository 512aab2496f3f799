package bodyparser_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/go-playground/validator/v10"
)

// What a handler does without any library but the validator.
func stdlibReaders() []rival {
	return []rival{
		over("io.ReadAll", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
			answer(w, err)
		})),
		over("bytes.Buffer", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var b bytes.Buffer
			_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
			answer(w, err)
		})),
	}
}

func stdlibBinders() []rival {
	v := validator.New(validator.WithRequiredStructEnabled())
	return []rival{
		over("stdlib, ReadAll", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o := new(order)
			text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
			if err == nil {
				err = json.Unmarshal(text, o)
			}
			if err == nil {
				err = v.Struct(o)
			}
			answer(w, err)
		})),
		over("stdlib, Decoder", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o := new(order)
			err := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(o)
			if err == nil {
				err = v.Struct(o)
			}
			answer(w, err)
		})),
	}
}

func readers() []rival { return append(stdlibReaders(), kitReaders()...) }

func binders() []rival {
	all := []rival{ginBinder()}
	all = append(all, kitBinders()...)
	all = append(all, stdlibBinders()...)
	return append(all, echoBinder(), chiBinder(), fiberBinder(), humaBinder(), httpinBinder())
}
