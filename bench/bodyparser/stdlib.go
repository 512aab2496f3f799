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

// read is what all readers do with a body.
func read(text []byte) {
	if asking {
		decoded = string(text)
	}
}

// copied is what reading takes at least: the bytes are copied once, to where
// there is room for them already.
var copied = rival{name: "io.ReadFull, one buffer", role: compare.Floor, start: func() func([]byte) int {
	buf := make([]byte, limit)
	return over("", "", func() http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := io.ReadFull(r.Body, buf[:r.ContentLength])
			answer(w, err)
		})
	}).start()
}}

// unmarshalled is what binding takes at least with encoding/json: nothing is
// read, bounded or checked.
var unmarshalled = rival{name: "json.Unmarshal alone", role: compare.Floor, start: func() func([]byte) int {
	return func(text []byte) int {
		if err := json.Unmarshal(text, new(order)); err != nil {
			return http.StatusBadRequest
		}
		return http.StatusOK
	}
}}

// What a handler does without any library but the validator.

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

// gunzipped bounds what is received, but not what becomes of it.
func gunzipped(max int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, max))
		if err == nil {
			_, err = io.ReadAll(z)
		}
		answer(w, err)
	})
}
