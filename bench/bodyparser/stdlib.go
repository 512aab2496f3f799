package bodyparser

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bench/internal/compare"
)

// read reads a body, as all readers do.
func read(text []byte) {
	if asking {
		decoded = string(text)
	}
}

// copied is the minimum cost of reading: one copy of the bytes, into an allocated buffer.
var copied = rival{name: "io.ReadFull, one buffer", role: compare.Floor, start: func() func([]byte) int {
	buf := make([]byte, limit)
	return over("", "", func() http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadFull(r.Body, buf[:r.ContentLength])
			answer(w, err)
		})
	}).start()
}}

// unmarshalled is the minimum cost of binding with encoding/json: without reading,
// limits or validation.
var unmarshalled = rival{name: "json.Unmarshal alone", role: compare.Floor, start: func() func([]byte) int {
	return func(text []byte) int {
		if err := json.Unmarshal(text, new(order)); err != nil {
			return http.StatusBadRequest
		}
		return http.StatusOK
	}
}}

// A handler with no library except the validator.

func stdlibReaders() []rival {
	return []rival{
		over("io.ReadAll", "", func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
				read(text)
				answer(w, err)
			})
		}),
		over("bytes.Buffer", "", func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var b bytes.Buffer
				_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
				read(b.Bytes())
				answer(w, err)
			})
		}),
	}
}

func stdlibBinders() []rival {
	return []rival{
		over("stdlib, ReadAll", "", func() http.Handler {
			return checked(func(w http.ResponseWriter, r *http.Request, o *order) error {
				text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
				if err != nil {
					return err
				}
				return json.Unmarshal(text, o)
			})
		}),
		over("stdlib, Decoder", "", func() http.Handler {
			return checked(func(w http.ResponseWriter, r *http.Request, o *order) error {
				return json.NewDecoder(http.MaxBytesReader(w, r.Body, limit)).Decode(o)
			})
		}),
	}
}

func checked(decode func(http.ResponseWriter, *http.Request, *order) error) http.Handler {
	v := validator.New(validator.WithRequiredStructEnabled())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := new(order)
		err := decode(w, r, o)
		if err == nil {
			err = v.Struct(o)
		}
		got(o)
		answer(w, err)
	})
}

// gunzipped limits the compressed size, but not the inflated one.
func gunzipped(max int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, max))
		if err == nil {
			_, err = io.ReadAll(z)
		}
		answer(w, err)
	})
}
