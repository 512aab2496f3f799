package conformance_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// An op is one step of a recorded handler: "op" names it, the other members are its
// arguments.
type op map[string]json.RawMessage

func (o op) name() string { return arg[string](o, "op") }

func (o op) is(name, text string) bool { return o[name] != nil && arg[any](o, name) == text }

// arg returns an argument, or the zero value. check has rejected unknown arguments.
func arg[T any](o op, name string) (v T) {
	if o[name] == nil {
		return v
	}
	if err := json.Unmarshal(o[name], &v); err != nil {
		panic(unknown(fmt.Sprintf("%s of %s: %v", name, o["op"], err)))
	}
	return v
}

// unknown is the panic value of a handler that requests more than the operations can
// do. The fixture keeps it, so that it does not pass for a response.
type unknown string

// A run is one call of a recorded handler.
type run struct {
	*fixture
	w       http.ResponseWriter
	r       *http.Request
	status  int // for the next response: Next.js keeps it in the response
	written bool
}

// operations are all operations of handlers, with their arguments.
var operations = map[string]struct {
	args string
	do   func(*run, op) error
}{
	"echo":             {"pick", (*run).echo},
	"bodyLength":       {"", (*run).bodyLength},
	"readRaw":          {"", (*run).readRaw},
	"status":           {"code chainCheck", (*run).setStatus},
	"setHeader":        {"name value", (*run).setHeader},
	"writeHead":        {"code headers", (*run).writeHead},
	"json":             {"value undefined date nan", (*run).json},
	"jsonRepeat":       {"unit count", (*run).jsonRepeat},
	"send":             {"value type base64 chunks", (*run).send},
	"sendRepeat":       {"unit count", (*run).sendRepeat},
	"write":            {"text", (*run).write},
	"writeRepeat":      {"unit count times", (*run).writeRepeat},
	"end":              {"text", (*run).write},
	"sleep":            {"ms", (*run).flush},
	"sleepEnd":         {"text", (*run).nothing},  // writes after a handler has returned are lost
	"return":           {"value", (*run).nothing}, // a handler returns an error or nothing
	"throw":            {"message kind code", (*run).throw},
	"asyncThrow":       {"message", (*run).throw},
	"redirect":         {"args", (*run).redirect},
	"redirectTry":      {"args", (*run).redirectTry},
	"revalidate":       {"path", (*run).revalidate},
	"revalidateTry":    {"arg opts", (*run).revalidateTry},
	"setQuery":         {"value", (*run).setQuery},
	"setCookies":       {"value", (*run).setCookies},
	"setDraftMode":     {"arg", (*run).setDraftMode},
	"setPreviewData":   {"data options", (*run).setPreviewData},
	"clearPreviewData": {"", (*run).clearPreviewData},
	"preview":          {"", (*run).preview},
}

// check returns an error for an unknown operation, or an unknown argument.
func (o op) check() error {
	known, ok := operations[o.name()]
	if !ok {
		return fmt.Errorf("unknown operation %q", o.name())
	}
	for name := range o {
		if name != "op" && !slices.Contains(strings.Fields(known.args), name) {
			return fmt.Errorf("unknown argument %q of %s", name, o.name())
		}
	}
	return nil
}

// refused reports whether the operation cannot be written in Go, since an argument does
// not have the type of the parameter.
func (o op) refused() bool {
	// The first two parameters are a writer and a request, or a cache and a
	// context; the others are the arguments.
	takes := func(fn any, args ...any) bool {
		f := reflect.TypeOf(fn)
		if f.NumIn() != 2+len(args) {
			return false
		}
		for i, arg := range args {
			if n, ok := arg.(float64); ok && n == math.Trunc(n) {
				arg = int(n)
			}
			if arg == nil || !reflect.TypeOf(arg).AssignableTo(f.In(2+i)) {
				return false
			}
		}
		return true
	}
	switch o.name() {
	case "redirect", "redirectTry":
		args := arg[[]any](o, "args")
		return !takes(redirect.To, args...) && !takes(redirect.Code, args...)
	case "revalidate":
		return !takes((*cache.Cache).Revalidate, arg[any](o, "path"))
	case "revalidateTry":
		return !takes((*cache.Cache).Revalidate, arg[any](o, "arg"))
	case "status":
		return !takes(reply.Send, arg[any](o, "code"), "any body")
	}
	return false
}

// serve runs the handler of the case.
func (x *run) serve() error {
	defer func() {
		if what := recover(); what != nil {
			x.unknown, _ = what.(unknown)
			panic(what)
		}
	}()
	x.status = http.StatusOK
	for _, o := range x.c.Handler {
		if err := operations[o.name()].do(x, o); err != nil {
			return err
		}
	}
	return nil
}

func (x *run) nothing(op) error { return nil }

func (x *run) answer(v any) error { return reply.JSON(x.w, x.r, x.status, v) }

func (x *run) setStatus(o op) error {
	x.status = arg[int](o, "code")
	return nil
}

func (x *run) setHeader(o op) error {
	values := arg[any](o, "value")
	list, several := values.([]any)
	if !several {
		list = []any{values}
	}
	name := arg[string](o, "name")
	x.w.Header().Del(name)
	for _, value := range list {
		x.w.Header().Add(name, value.(string))
	}
	return nil
}

func (x *run) writeHead(o op) error {
	for name, value := range arg[map[string]string](o, "headers") {
		x.w.Header().Set(name, value)
	}
	x.status = arg[int](o, "code")
	return x.write(o)
}

// write uses net/http directly, inside the layers of this module.
func (x *run) write(o op) error {
	if !x.written {
		x.w.WriteHeader(x.status)
		x.written = true
	}
	text := arg[string](o, "text")
	if text == "" {
		return nil // end()
	}
	_, err := io.WriteString(x.w, text)
	return err
}

func (x *run) writeRepeat(o op) error {
	x.written = true
	unit := strings.Repeat(arg[string](o, "unit"), arg[int](o, "count"))
	for range arg[int](o, "times") {
		if _, err := io.WriteString(x.w, unit); err != nil {
			return err
		}
	}
	return nil
}

// flush sends the bytes written so far, as happens while a handler waits.
func (x *run) flush(op) error { return http.NewResponseController(x.w).Flush() }

func (x *run) json(o op) error {
	switch {
	case o["undefined"] != nil:
		return x.answer(nil)
	case o["date"] != nil:
		return x.answer(map[string]time.Time{"d": time.Unix(0, 0).UTC()})
	case o["nan"] != nil:
		return x.answer(map[string]any{"a": math.NaN(), "b": math.Inf(1), "e": []any{nil}})
	}
	return x.answer(o["value"])
}

func repeated(o op) string { return strings.Repeat(arg[string](o, "unit"), arg[int](o, "count")) }

func (x *run) jsonRepeat(o op) error { return x.answer(repeated(o)) }

func (x *run) sendRepeat(o op) error { return reply.Send(x.w, x.r, x.status, repeated(o)) }

func (x *run) send(o op) error {
	var body any
	switch kind := arg[string](o, "type"); kind {
	case "buffer", "uint8":
		body = arg[[]byte](o, "base64")
	case "stream":
		var readers []io.Reader
		for _, chunk := range arg[[]string](o, "chunks") {
			readers = append(readers, strings.NewReader(chunk))
		}
		body = io.MultiReader(readers...)
	case "null":
	case "":
		body = arg[any](o, "value")
		if _, ok := body.(string); !ok {
			body = o["value"] // with its members in their order
		}
	default:
		panic(unknown("type " + kind))
	}
	return reply.Send(x.w, x.r, x.status, body)
}

// throw returns the error, or panics with it: the result is the same.
func (x *run) throw(o op) error {
	err := errors.New(arg[string](o, "message"))
	switch kind := arg[string](o, "kind"); kind {
	case "", "string": // which is an error like any other
	case "ApiError":
		return reply.NewError(arg[int](o, "code"), err.Error()) // a response, not a panic
	default:
		panic(unknown("kind " + kind))
	}
	if x.panics {
		panic(err)
	}
	return err
}

func (x *run) redirect(o op) error {
	args := arg[[]any](o, "args")
	if len(args) == 2 {
		return redirect.Code(x.w, x.r, int(args[0].(float64)), args[1].(string))
	}
	return redirect.To(x.w, x.r, args[0].(string))
}

func (x *run) redirectTry(o op) error { return x.try(x.redirect(o), nil) }

// try responds with an error rather than returning it.
func (x *run) try(err error, done any) error {
	switch {
	case err != nil:
		return x.answer(map[string]string{"error": err.Error()})
	case done != nil:
		return x.answer(done)
	}
	return nil
}

func (x *run) revalidate(o op) error {
	return x.cache.Revalidate(x.r.Context(), arg[string](o, "path"))
}

func (x *run) revalidateTry(o op) error {
	done := map[string]bool{"revalidated": true}
	path := arg[string](o, "arg")
	opts := arg[struct {
		OnlyGenerated bool `json:"unstable_onlyGenerated"`
	}](o, "opts")
	switch {
	case x.r.URL.Path == path && x.r.RemoteAddr == "":
		return x.answer(done) // this is the run that another one requests
	case opts.OnlyGenerated:
		return x.try(x.cache.RevalidateCached(x.r.Context(), path), done)
	}
	return x.try(x.cache.Revalidate(x.r.Context(), path), done)
}

// setQuery changes its own copy of the query.
func (x *run) setQuery(o op) error {
	query := pattern.Query(x.r)
	clear(query)
	for name, value := range arg[map[string]string](o, "value") {
		query.Set(name, value)
	}
	return nil
}

func (x *run) setCookies(o op) error {
	all := cookies.All(x.r)
	clear(all)
	for name, value := range arg[map[string]any](o, "value") {
		all[name] = fmt.Sprint(value)
	}
	return nil
}

func (x *run) setDraftMode(o op) error {
	if enable, ok := arg[map[string]bool](o, "arg")["enable"]; ok && !enable {
		panic(unknown("setDraftMode without enabling"))
	}
	return x.draft.Enable(x.w, x.r, 0)
}

func (x *run) setPreviewData(o op) error {
	options, err := o.draftOptions()
	if err != nil {
		return err
	}
	return x.draft.SetPreview(x.w, arg[any](o, "data"), time.Duration(options.MaxAge)*time.Second)
}

type draftOptions struct {
	MaxAge int
	Path   string // of the cookies: Next.js takes it with each call, this module once
}

func (o op) draftOptions() (options draftOptions, err error) {
	if o["options"] != nil {
		err = strict(o["options"], &options)
	}
	return options, err
}

func (x *run) clearPreviewData(op) error { return x.draft.Disable(x.w) }

func (x *run) preview(op) error {
	if !x.draft.Enabled(x.r) {
		return x.answer(json.RawMessage(`{"previewData":false}`))
	}
	data := map[string]any{}
	if _, err := x.draft.Preview(x.r, &data); err != nil {
		return err
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return x.answer(json.RawMessage(`{"preview":true,"draftMode":true,"previewData":` + string(text) + `}`))
}
