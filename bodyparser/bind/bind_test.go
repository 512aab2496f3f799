package bind_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
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

type audit struct {
	By string `json:"by" validate:"max=5"`
}

type order struct {
	audit
	Email  string           `json:"email" schema:"mail" validate:"required,email"`
	Items  []item           `json:"items" validate:"max=3,dive"`
	Tags   []string         `json:"tags" validate:"dive,max=3"`
	Price  float64          `json:"price"`
	Due    *time.Time       `json:"due"`
	Days   []time.Time      `json:"days"`
	From   net.IP           `json:"from"`
	Gift   bool             `json:"gift"`
	Counts []int            `json:"counts"`
	Notes  map[string]*item `json:"notes" validate:"dive"`
	Secret string           `json:"-"`
	Inner  struct {
		Deep struct {
			Level int8 `json:"level"`
		} `json:"deep"`
	} `json:"inner"`
	Untagged string
}

// fields returns the paths and rules of an error, and its status.
func fields(err error) (string, int) {
	if err == nil {
		return "", 200
	}
	status := err.(interface{ StatusCode() int }).StatusCode()
	var e *bind.Errors
	if !errors.As(err, &e) {
		return err.Error(), status
	}
	var all []string
	for f := range e.All() {
		all = append(all, f.Path+" "+f.Rule)
	}
	return strings.Join(all, ", "), status
}

func second[T any](_ T, err error) error { return err }

func (statusError) StatusCode() int { return 500 }

func TestHandlerResponses(t *testing.T) {
	var log testkit.Log
	cfg := bind.Config{Logger: log.Logger()}
	var failure error
	h := bind.HandlerWith(cfg, func(w http.ResponseWriter, r *http.Request, in item) error {
		if failure == nil {
			fmt.Fprint(w, in.SKU)
		}
		return failure
	})
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for _, test := range []struct {
			why     string
			body    string
			failure error
			status  int
			want    string
			records int
		}{
			{"a value", `{"sku":"x","qty":1}`, nil, 200, "x", 0},
			{"a wrong type", `{"sku":7,"qty":1}`, nil, 400,
				`{"title":"Bad Request","status":400,"detail":"sku must be a string","errors":[{"path":"/sku","rule":"type","message":"must be a string"}]}`, 0},
			{"a rule with a parameter", `{"sku":"x","qty":11}`, nil, 422,
				`{"title":"Unprocessable Entity","status":422,"detail":"qty must be at most 10","errors":[{"path":"/qty","rule":"max","param":"10","message":"must be at most 10"}]}`, 0},
			{"an error of the handler", `{"sku":"x","qty":1}`, errors.New("secret"), 500, `{"title":"Internal Server Error","status":500}`, 1},
			{"an error with a status", `{"sku":"x","qty":1}`, reply.NewError(409, "taken"), 409, `{"title":"Conflict","status":409,"detail":"taken"}`, 0},
			{"fields of the handler's own", `{"sku":"x","qty":1}`, &bind.Errors{Fields: []bind.FieldError{{Path: "/sku", Rule: "unique", Message: "is taken"}}}, 422,
				`{"title":"Unprocessable Entity","status":422,"detail":"sku is taken","errors":[{"path":"/sku","rule":"unique","message":"is taken"}]}`, 0},
		} {
			before := len(log.Records())
			failure = test.failure
			resp := tr.Do(t, h, post(jsonType, test.body))
			if got := testkit.Body(t, resp); resp.StatusCode != test.status || got != test.want {
				t.Errorf("%s: %d %s\nwant %d %s", test.why, resp.StatusCode, got, test.status, test.want)
			}
			if n := len(log.Records()) - before; n != test.records {
				t.Errorf("%s: %d records, want %d", test.why, n, test.records)
			}
		}
	})

	plain := bind.HandlerWith(bind.Config{OnError: reply.PlainError}, func(http.ResponseWriter, *http.Request, item) error { return nil })
	w := httptest.NewRecorder()
	plain.ServeHTTP(w, post(jsonType, `{"qty":1}`))
	if w.Code != 422 || w.Body.String() != "sku is required" {
		t.Errorf("%d %s", w.Code, w.Body)
	}

	// A response that cannot be made is an error in the same format.
	unencodable := bind.FuncWith(bind.Config{OnError: reply.PlainError, Logger: log.Logger()}, func(*http.Request, item) (chan int, error) { return nil, nil })
	w = httptest.NewRecorder()
	unencodable.ServeHTTP(w, post(jsonType, `{"sku":"x","qty":1}`))
	if w.Code != 500 || w.Body.String() != "Internal Server Error" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The response to the same request is the same, byte for byte.
func TestErrorsAreStable(t *testing.T) {
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	for _, r := range [][2]string{
		{jsonType, `{"email":1,"items":[{"sku":1}],"tags":[1],"price":"x","notes":{"a":1,"b":2,"c":3}}`},
		{formType, `price=x&counts=x&gift=x&inner.deep.level=x&due=x&items.0.qty=x`},
		{jsonType, `{"email":"x","items":[{},{}],"notes":{"a":{},"b":{},"c":{}}}`},
	} {
		var first string
		for range 30 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, post(r[0], r[1]))
			if first == "" {
				first = w.Body.String()
			}
			if w.Body.String() != first {
				t.Fatalf("%s\n%s", first, w.Body)
			}
		}
	}
}

func TestErrorsDoNotRepeatValues(t *testing.T) {
	h := bind.Handler(func(http.ResponseWriter, *http.Request, order) error { return nil })
	for _, r := range [][2]string{
		{jsonType, `{"email":"hunter2"}`},
		{jsonType, `{"price":"hunter2"}`},
		{jsonType, `{"due":"hunter2"}`},
		{jsonType, `{"email":hunter2}`},
		{formType, `price=hunter2`},
		{formType, `mail=hunter2`},
		{formType, `due=hunter2`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(r[0], r[1]))
		if w.Code < 400 || strings.Contains(w.Body.String(), "hunter2") || strings.Contains(w.Body.String(), "order") {
			t.Errorf("%s: %d %s", r[1], w.Code, w.Body)
		}
	}
}

type created struct {
	ID string `json:"id"`
}

func (created) StatusCode() int { return 201 }

type accepted struct {
	Job string `json:"job"`
}

func (*accepted) StatusCode() int { return 202 }

// The status is that of the type, for a method of the value or of the pointer.
func TestFuncStatusCode(t *testing.T) {
	for want, h := range map[int]http.Handler{
		201: bind.Func(func(*http.Request, struct{}) (any, error) { return created{}, nil }),
		202: bind.Func(func(*http.Request, struct{}) (accepted, error) { return accepted{}, nil }),
		200: bind.Func(func(*http.Request, struct{}) (struct{ accepted int }, error) { return struct{ accepted int }{}, nil }),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	bind.Func(func(*http.Request, struct{}) (*accepted, error) { return &accepted{}, nil }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 202 {
		t.Errorf("a pointer: %d", w.Code)
	}
}

func TestFuncResponses(t *testing.T) {
	h := bind.Func(func(r *http.Request, in item) (created, error) { return created{in.SKU}, nil })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, `{"sku":"x","qty":1}`))
	if w.Code != 201 || strings.TrimSpace(w.Body.String()) != `{"id":"x"}` || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	get := bind.Func(func(r *http.Request, _ struct{}) ([]string, error) { return []string{"<a>"}, nil })
	w = httptest.NewRecorder()
	get.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `["<a>"]` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, contentType := range []string{jsonType, formType, "text/plain", "application/octet-stream", "multipart/form-data; boundary=x"} {
		w = httptest.NewRecorder()
		get.ServeHTTP(w, post(contentType, ""))
		if w.Code != 200 {
			t.Errorf("no body of type %s: %d %s", contentType, w.Code, w.Body)
		}
	}
	w = httptest.NewRecorder()
	get.ServeHTTP(w, post("text/plain", "x"))
	if w.Code != 415 {
		t.Errorf("a body where none is asked for: %d %s", w.Code, w.Body)
	}
	var log testkit.Log
	bad := bind.FuncWith(bind.Config{Logger: log.Logger()}, func(r *http.Request, _ struct{}) (any, error) { return func() {}, nil })
	w = httptest.NewRecorder()
	bad.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || len(log.Records()) != 1 {
		t.Errorf("a value that cannot be encoded: %d, %d records", w.Code, len(log.Records()))
	}
}

func TestBodyTwice(t *testing.T) {
	r := post(jsonType, `{"sku":"x","qty":1}`)
	for range 2 {
		if got, err := bind.Body[item](r); err != nil || got.SKU != "x" {
			t.Errorf("%v, %v", got, err)
		}
	}
	if got, err := bind.Body[map[string]any](r); err != nil || got["sku"] != "x" {
		t.Errorf("as another type: %v, %v", got, err)
	}
	// Inside a parser, its limits apply and not those of bind.
	h := bodyparser.New(bodyparser.Config{Limit: 3 << 20})(bind.Handler(func(http.ResponseWriter, *http.Request, item) error { return nil }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(jsonType, `{"sku":"`+strings.Repeat("x", 2<<20)+`","qty":1}`))
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Requests reuse the memory that bodies are read into.
func TestBodyRequestsDoNotMix(t *testing.T) {
	h := bind.Func(func(r *http.Request, in item) (item, error) {
		runtime.Gosched()
		return in, nil
	})
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 100 {
				sku := fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", i*worker))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, post(jsonType, `{"sku":"`+sku+`","qty":1}`))
				if want := `{"sku":"` + sku + `","qty":1}`; w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
					t.Errorf("%d %.100s, want %.100s", w.Code, w.Body, want)
				}
			}
		})
	}
	all.Wait()
}
