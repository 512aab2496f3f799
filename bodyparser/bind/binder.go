package bind

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/pattern"
)

// Config says how a request becomes a value. The zero Config does what [Body]
// and [Handler] do.
type Config struct {
	// Parser says how the body is read if no bodyparser.New stands in front,
	// which otherwise has read it by its own Config. Its OnError and Logger are
	// not used.
	Parser bodyparser.Config

	// Upload bounds the form of a T with fields of type upload.File, which is
	// read by package upload: Parser has no say in it. The zero upload.Config is
	// the default of that package.
	Upload upload.Config

	// Validator checks the rules, for services with rules of their own. Nil is
	// the validator with its built-in rules. Register everything before, and make
	// all Binders before the first request: a Binder registers the types of
	// Optional that its T has, if the validator does not know them.
	Validator *validator.Validate

	// Message replaces the message of a field, for another language say: r tells
	// which the client wants, and f.Rule, f.Param and f.Kind what is wrong. The
	// result follows the name of the field. Nil, and a result that is "", keep
	// f.Message, which is in English. r is an empty request for values that came
	// with none. Messages that a handler returns are its own.
	Message func(r *http.Request, f FieldError) string

	// Strict refuses fields that the type does not have, with 400. By default
	// they are ignored, as by encoding/json. Parameters of the route are no
	// fields of the query.
	Strict bool

	// OnError answers a request that does not fit, and the errors of the
	// handler. Nil is that of the middleware.Config around it, else a problem
	// document, in which the fields are the member "errors".
	OnError func(w http.ResponseWriter, r *http.Request, err error)

	// Logger is told of responses of 500 and above. Nil is that of the
	// middleware.Config around it, else slog.Default.
	Logger *slog.Logger
}

// Validate reports everything that is wrong with the Config.
func (c Config) Validate() error {
	errs := []error{c.Parser.Validate()}
	if c.Parser.Raw {
		errs = append(errs, errors.New("bind: Config.Parser.Raw would leave nothing to decode"))
	}
	return errors.Join(errs...)
}

// A Binder makes values of type T from requests. What depends on the type alone
// is done once, by [New]. It is safe for concurrent use.
type Binder[T any] struct {
	cfg      Config
	validate *validator.Validate
	typ      reflect.Type
	form     *formType // nil if T is not a struct
	files    fileFields
	rules    bool // T leads to structs, which may have rules
	optional bool // T has a field that is an Optional
	void     bool // T is a struct without fields, which asks for no body
}

// New returns the Binder for T. It panics if the Config is not valid, or if a
// rule anywhere in T does not exist or does not fit its field; the package
// comment says what is found.
func New[T any](cfg Config) *Binder[T] {
	b, err := newBinder[T](cfg)
	if err != nil {
		panic(err)
	}
	return b
}

func newBinder[T any](cfg Config) (*Binder[T], error) {
	b := &Binder[T]{cfg: cfg, validate: cfg.Validator, typ: reflect.TypeFor[T]()}
	if b.validate == nil {
		b.validate = validator.New(validator.WithRequiredStructEnabled())
	}
	b.optional = registerOptionals(b.validate, b.typ)
	var err error
	b.files, err = fileFieldsOf(b.typ)
	if err := errors.Join(cfg.Validate(), checkTags(b.validate, b.typ), err); err != nil {
		return nil, err
	}
	if t := deref(b.typ); t.Kind() == reflect.Struct {
		if b.form, err = newFormType(t); err != nil {
			return nil, err
		}
		b.void = t.NumField() == 0
	}
	b.rules = len(structs(b.typ, nil)) > 0
	return b, nil
}

// Body returns the body of the request as a T, decoded and validated: JSON, or
// a form. Where no parser stands in front, the body is read here, and may be
// asked for again.
//
// The fields of a multipart form are the exception. They are read from the
// connection and not kept, so they can be asked for once, and without the bound
// on the time that only a writer has: [Binder.Handler] has one.
//
// What does not fit is [*Errors]; a body that cannot be read is an error of
// package bodyparser. A request without a body is the zero T, if the rules
// allow that.
func (b *Binder[T]) Body(r *http.Request) (T, error) {
	body, err := bodyparser.Parse(nil, r, b.cfg.Parser)
	if err != nil {
		return *new(T), err
	}
	return b.whole(r, func(v *T) error { return b.decode(nil, r, body, v) })
}

// read is Body with a writer, and in memory that is lent.
func (b *Binder[T]) read(w http.ResponseWriter, r *http.Request, v *T) error {
	return bodyparser.Borrow(w, r, b.cfg.Parser, func(body *bodyparser.Body) error {
		return b.worded(r, b.decode(w, r, body, v))
	})
}

// whole returns the value that fill makes, or none: half of one is of no use,
// and what is in it has not been checked.
func (b *Binder[T]) whole(r *http.Request, fill func(*T) error) (T, error) {
	v := new(T)
	if err := fill(v); err != nil {
		return *new(T), b.worded(r, err)
	}
	return *v, nil
}

// worded has Config.Message say what is wrong.
func (b *Binder[T]) worded(r *http.Request, err error) error {
	if b.cfg.Message == nil || err == nil {
		return err
	}
	var wrong *Errors
	if !errors.As(err, &wrong) {
		return err
	}
	for i, f := range wrong.Fields {
		wrong.Fields[i].Message = cmp.Or(b.cfg.Message(r, f), f.Message)
	}
	return err
}

// Query returns the query of the request as a T, decoded and validated by the
// rules of forms. As in req.query of Next.js, the parameters of the route are
// part of it and win over what the client has put into the query; see
// pattern.Query. A query that is malformed, or has more than 1000 pairs, is 400.
func (b *Binder[T]) Query(r *http.Request) (T, error) {
	if b.form == nil {
		return *new(T), fmt.Errorf("bind: a query needs a struct, not %v", b.typ)
	}
	raw := r.URL.RawQuery
	if strings.Count(raw, "&") >= maxPairs { // before they cost anything
		return *new(T), wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "has too many pairs"}}, nil)
	}
	if strings.ContainsAny(raw, "%;") {
		if _, err := url.ParseQuery(raw); err != nil {
			return *new(T), wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "is not a query"}}, err)
		}
	}
	values := pattern.Query(r)
	if b.cfg.Strict {
		// What the route has and the type has not is no fault of the client's.
		maps.DeleteFunc(values, func(name string, _ []string) bool {
			field, _ := b.form.resolve(name)
			return field == nil && pattern.Values(r, name) != nil
		})
	}
	return b.whole(r, func(v *T) error { return b.fill(r, values, v) })
}

// maxPairs bounds queries and multipart forms, as bodyparser.Config bounds
// urlencoded ones.
const maxPairs = 1000

func (b *Binder[T]) decode(w http.ResponseWriter, r *http.Request, body *bodyparser.Body, v *T) error {
	switch mediaType := body.MediaType(); {
	case b.files != nil:
		return b.receive(w, r, v)
	case mediaType == "" && !body.Present(), b.void && empty(r, body):
		return b.finish(r, v, fromJSON)
	case b.form == nil:
		// Only JSON has values other than objects.
	case mediaType == "application/x-www-form-urlencoded":
		values, err := body.Form()
		if err != nil {
			return err
		}
		return b.fill(r, values, v)
	case mediaType == "multipart/form-data":
		values, err := b.multipart(w, r)
		if err != nil {
			return err
		}
		return b.fill(r, values, v)
	}
	var dst any = v
	if b.cfg.Strict && b.rules {
		dst = &strict{v}
	}
	if !body.Present() {
		dst = new(struct{}) // not v: an empty object is no value for a list
	}
	if err := body.Decode(dst); err != nil {
		return b.locate(body, err)
	}
	if b.cfg.Strict && b.optional {
		// A decoder does not ask inside of an Optional.
		if fields := mistakes(body.Text(), b.typ, true); len(fields) > 0 {
			return wrong(http.StatusBadRequest, fields, nil)
		}
	}
	return b.finish(r, v, fromJSON)
}

// empty reports whether the request has no body. One that was left unread shows
// it by its length alone.
func empty(r *http.Request, body *bodyparser.Body) bool {
	return !body.Present() && (r.ContentLength == 0 || !strings.HasPrefix(body.MediaType(), "multipart/"))
}

// strict decodes a value and refuses fields that its type does not have. Any
// decoder of JSON hands it the text, having found that it is one value.
type strict struct{ v any }

func (s *strict) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(s.v)
}

// multipart reads the fields of a multipart form, which is what a page sends
// that hands its form to fetch. A form with files is for package upload.
func (b *Binder[T]) multipart(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	p := b.cfg.Parser
	limit := cmp.Or(p.Limit, bytesize.MB)
	return upload.Form(w, r, upload.Config{
		Limit: limit, FieldLimit: limit, Parts: cmp.Or(p.Pairs, maxPairs), Files: -1, ReadTimeout: p.ReadTimeout,
	}, nil)
}

// locate finds the places that a decoder complains about.
func (b *Binder[T]) locate(body *bodyparser.Body, err error) error {
	var refused *bodyparser.Error
	if errors.As(err, &refused) && (refused.Offset >= 0 || refused.Status != http.StatusBadRequest) {
		return err
	}
	fields := mistakes(body.Text(), b.typ, b.cfg.Strict)
	if len(fields) == 0 {
		fields = []FieldError{{Rule: "type", Message: "does not fit"}}
	}
	return wrong(http.StatusBadRequest, fields, err)
}

// fill decodes form values.
func (b *Binder[T]) fill(r *http.Request, values url.Values, v *T) error {
	dst := reflect.ValueOf(v).Elem()
	for dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	if err := b.form.decode(values, dst.Addr().Interface(), b.cfg.Strict); err != nil {
		return err
	}
	return b.finish(r, v, fromForm)
}

// finish checks the rules.
func (b *Binder[T]) finish(r *http.Request, v *T, src source) error {
	if !b.rules {
		return nil
	}
	fields, err := b.check(r.Context(), reflect.ValueOf(v), "", src)
	if err != nil {
		return err
	}
	return wrong(http.StatusUnprocessableEntity, fields, nil)
}

// Values returns form values that came by another way than the body or the query
// of a request, decoded and validated as those are. The values are not changed.
// What does not fit is [*Errors].
func (b *Binder[T]) Values(values url.Values) (T, error) {
	if b.form == nil {
		return *new(T), fmt.Errorf("bind: form values need a struct, not %v", b.typ)
	}
	r := new(http.Request)
	return b.whole(r, func(v *T) error { return b.fill(r, values, v) })
}
