package bind

import (
	"net/http"
	"net/url"
	"reflect"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/reply"
)

// Body returns the body of the request as a T, with the zero [Config]; see
// [Binder.Body]. An invalid tag in T gives an error of status 500; [New] and
// [Handler] panic at startup instead.
func Body[T any](r *http.Request) (T, error) {
	b, err := standardBinder[T]()
	if err != nil {
		var zero T
		return zero, err
	}
	return b.Body(r)
}

// Query returns the query of the request as a T, with the zero [Config]; see
// [Binder.Query].
func Query[T any](r *http.Request) (T, error) {
	b, err := standardBinder[T]()
	if err != nil {
		var zero T
		return zero, err
	}
	return b.Query(r)
}

// Values returns form values as a T, with the zero [Config]; see
// [Binder.Values].
func Values[T any](values url.Values) (T, error) {
	b, err := standardBinder[T]()
	if err != nil {
		return *new(T), err
	}
	return b.Values(values)
}

// binders caches the Binder of each type for Body and Query, as encoding/json
// caches types.
var binders sync.Map // reflect.Type of T -> *Binder[T]

func standardBinder[T any]() (*Binder[T], error) {
	t := reflect.TypeFor[T]()
	if b, ok := binders.Load(t); ok {
		return b.(*Binder[T]), nil
	}
	b, err := newBinder[T](Config{})
	if err != nil {
		return nil, err
	}
	actual, _ := binders.LoadOrStore(t, b)
	return actual.(*Binder[T]), nil
}

// Handler returns a handler that calls fn with the body of the request as a T. It
// responds to requests that do not fit without a call, and to the errors of fn,
// as reply.HandlerFunc does. Reading r.Body in fn gives an error that matches
// http.ErrBodyReadAfterClose, unless a bodyparser.New outside has kept the bytes.
// Handler panics if a tag in T is not valid; see [New].
//
// Next.js: an API route with a typed NextApiRequest.
func Handler[T any](fn func(http.ResponseWriter, *http.Request, T) error) http.Handler {
	return HandlerWith(Config{}, fn)
}

// HandlerWith is [Handler] with a Config.
func HandlerWith[T any](cfg Config, fn func(http.ResponseWriter, *http.Request, T) error) http.Handler {
	return New[T](cfg).Handler(fn)
}

// Handler is the function [Handler] with the Config of the Binder.
func (b *Binder[T]) Handler(fn func(http.ResponseWriter, *http.Request, T) error) http.Handler {
	return b.typed(nil, fn)
}

// typed is Handler for a response of a known type.
func (b *Binder[T]) typed(out reflect.Type, fn func(http.ResponseWriter, *http.Request, T) error) http.Handler {
	// What a request allocates, in one piece: its value, and what tracks the
	// response, to tell an error before the response from one after it.
	type call struct {
		value  T
		writer response.Writer
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		var value *T
		if _, ok := response.Of(w); ok {
			value = new(T)
		} else {
			c := new(call)
			value, w = &c.value, c.writer.Init(w, r)
		}
		defer exchange.RemoveFiles(r, r.MultipartForm)
		if b.files != nil {
			spooled, remove := withSpool(r)
			defer remove()
			r = spooled
		}
		inside := exchange.WithDefaults(w, r, b.cfg.OnError, b.cfg.Logger) // for what fn calls
		defer exchange.HandBack(r, inside)
		r = inside
		err := b.read(w, r, value)
		if err == nil {
			err = fn(w, r, *value)
		}
		if err != nil {
			problem.Handle(w, r, err, b.cfg.OnError, b.cfg.Logger)
		}
	}
	return &typedHandler{serve, reflect.TypeFor[T](), out, b.queryOnly}
}

// Func returns a handler that responds with the result of fn as JSON, typed on
// both sides. The status is 200, or that of the StatusCode method of the Out,
// if it has one. Use struct{} as In for requests without a body; their
// Content-Type is ignored.
//
// Next.js: NextApiResponse<Out>.
func Func[In, Out any](fn func(*http.Request, In) (Out, error)) http.Handler {
	return FuncWith(Config{}, fn)
}

// FuncWith is [Func] with a Config.
func FuncWith[In, Out any](cfg Config, fn func(*http.Request, In) (Out, error)) http.Handler {
	return New[In](cfg).typed(reflect.TypeFor[Out](), sendResult(fn))
}

// QueryFunc is [Func] for requests without a body: fields of In without a place
// come from the query, by the rules of [Binder.Query], and no body is read. It
// also panics if a query cannot carry In.
//
// Next.js: a GET route with a typed req.query.
func QueryFunc[In, Out any](fn func(*http.Request, In) (Out, error)) http.Handler {
	return QueryFuncWith(Config{}, fn)
}

// QueryFuncWith is [QueryFunc] with a Config.
func QueryFuncWith[In, Out any](cfg Config, fn func(*http.Request, In) (Out, error)) http.Handler {
	return newQueryBinder[In](cfg).typed(reflect.TypeFor[Out](), sendResult(fn))
}

// sendResult is the handler that sends the result of fn.
func sendResult[In, Out any](fn func(*http.Request, In) (Out, error)) func(http.ResponseWriter, *http.Request, In) error {
	type statusCoder interface{ StatusCode() int }
	out, coder := reflect.TypeFor[Out](), reflect.TypeFor[statusCoder]()
	byPointer := !out.Implements(coder) && reflect.PointerTo(out).Implements(coder)
	return func(w http.ResponseWriter, r *http.Request, in In) error {
		out, err := fn(r, in)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if s, ok := any(out).(statusCoder); ok {
			status = s.StatusCode()
		} else if byPointer {
			copied := out // or out itself would be moved to the heap for all types
			status = any(&copied).(statusCoder).StatusCode()
		}
		return reply.JSON(w, r, status, out)
	}
}
