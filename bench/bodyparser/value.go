package bodyparser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bodyparser"
)

// valued lets the rivals decode a document into an untyped value.
func valued(size int) compare.Comparison {
	handler := func(decode func(http.ResponseWriter, *http.Request) (any, error)) func() http.Handler {
		return func() http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				v, err := decode(w, r)
				got(&v)
				answer(w, err)
			})
		}
	}
	body := func(fn func(*bodyparser.Body) (any, error)) func(http.ResponseWriter, *http.Request) (any, error) {
		return func(w http.ResponseWriter, r *http.Request) (any, error) {
			b, err := bodyparser.Parse(w, r, bodyparser.Config{Limit: limit})
			if err != nil {
				return nil, err
			}
			return fn(b)
		}
	}
	c := compare.Comparison{
		Name: "Value" + human(size), Unit: "request", Growth: "value", Size: float64(size), Heavy: size > 1<<20,
		Text: "The document becomes a map. Numbers keep their digits, but for json.Unmarshal, which makes a float64 of them.",
	}
	for _, r := range []rival{
		kit("kit, Value", handler(body((*bodyparser.Body).Value))),
		kit("kit, Decode", handler(body(func(b *bodyparser.Body) (v any, err error) {
			err = b.Decode(&v)
			return v, err
		}))),
		over("io.ReadAll, json.Unmarshal", "", handler(func(w http.ResponseWriter, r *http.Request) (v any, err error) {
			text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
			if err == nil {
				err = json.Unmarshal(text, &v)
			}
			return v, err
		})),
		over("json.Decoder, UseNumber", "", handler(func(w http.ResponseWriter, r *http.Request) (v any, err error) {
			d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
			d.UseNumber()
			err = d.Decode(&v)
			return v, err
		})),
	} {
		c.Contenders = append(c.Contenders, compare.Contender{Name: r.name, Role: r.role, Start: func(run *compare.Run) func() {
			text, send := document(size, 36), r.start()
			run.Answer(func() string {
				asking = true
				defer func() { asking = false }()
				return fmt.Sprint(send(text), decoded)
			})
			return func() { send(text) }
		}})
	}
	return c
}

// refused lets the rivals reject a document with one value of a wrong type.
func refused(size int) compare.Comparison {
	c := compare.Comparison{
		Name: "Refuse" + human(size), Unit: "request", Want: "400",
		Text: "One value is of a wrong type. The kit says where in a problem document, the others hand on the text of the decoder.",
	}
	for _, r := range append(kitBinders()[:1], append(stdlibBinders(), ginBinder)...) {
		c.Contenders = append(c.Contenders, compare.Contender{Name: r.name, Module: r.module, Role: r.role, Start: func(run *compare.Run) func() {
			text, send := bytes.Replace(document(size, 36), []byte(`"age":36`), []byte(`"age":"x"`), 1), r.start()
			run.Answer(func() string { return strconv.Itoa(send(text)) })
			return func() { send(text) }
		}})
	}
	return c
}
