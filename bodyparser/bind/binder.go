package bind

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/internal/fields"
	"github.com/apiece/apiece/internal/jsonread"
	"github.com/apiece/apiece/internal/requestbody"
)

// A Binder makes values of type T from requests. [New] does once what depends
// on the type alone. A Binder is safe for concurrent use.
type Binder[T any] struct {
	cfg       Config
	validator *validator.Validate
	typ       reflect.Type
	bodyType  bodyType // of T, if it is a struct
	sources   sources  // its fields from elsewhere
	json      codec    // of the body
	form      *node    // of the body, nil if T is not a struct
	noForm    error    // why no form can carry T
	files     fileFields
	hasRules  bool // T leads to structs, which may have rules
	bodiless  bool // no field of T is from the body, which may be missing
	pointers  bool // T is a list or a map of pointers to structs
	queryOnly bool // requests read the query in place of the body
}

// New returns the Binder for T. It panics if the Config is not valid, if a rule
// anywhere in T does not exist or does not fit its field, if a default is not a
// value of its field, or if a tag for a place is not valid; the package comment
// lists what is found. A type that JSON can carry and a form cannot is no reason
// to panic: forms get 415.
func New[T any](cfg Config) *Binder[T] {
	b, err := newBinder[T](cfg)
	if err != nil {
		panic(err)
	}
	return b
}

// newQueryBinder returns a Binder whose handlers read the query, not the body.
func newQueryBinder[T any](cfg Config) *Binder[T] {
	b := New[T](cfg)
	if err := b.queryError(); err != nil {
		panic(err)
	}
	b.queryOnly = true
	return b
}

func newBinder[T any](cfg Config) (*Binder[T], error) {
	b := &Binder[T]{cfg: cfg, validator: cfg.Validator, typ: reflect.TypeFor[T]()}
	if b.validator == nil {
		b.validator = validator.New(validator.WithRequiredStructEnabled())
	}
	if err := registerOptionals(b.validator, b.typ); err != nil {
		return nil, err
	}
	err := errors.Join(cfg.Validate(), checkTags(b.validator, b.typ), checkDefaults(b.typ), b.inspect())
	if err != nil {
		return nil, err
	}
	b.hasRules = len(structs(b.typ, nil)) > 0
	return b, nil
}

// inspect prepares what depends on the type alone.
func (b *Binder[T]) inspect() error {
	t := fields.Deref(b.typ)
	b.json = codec{strict: b.cfg.Strict, rules: textRules(b.cfg.Parser), hook: b.cfg.Parser.Unmarshal, recursive: holdsItself(b.typ)}
	body := b.typ // what a body is decoded into
	var faults []error
	if isOptional(derefPointers(b.typ)) {
		return fmt.Errorf("bind: %v is for fields, not for a whole request", b.typ)
	}
	switch t.Kind() {
	case reflect.Struct:
		var err error
		if b.bodyType, err = newBodyType(t); err != nil {
			return err
		}
		if isText(t) || isJSON(t) {
			break
		}
		if b.sources, err = newSources(t, b.bodyType.placed); err != nil {
			return err
		}
		body = b.bodyType.typ
		var forms builder
		b.form = &node{kind: record, typ: body}
		forms.nodes = map[nodeKey]*node{{typ: body}: b.form}
		for _, m := range fromForm.Members(body) {
			forms.field(b.form, body, m, m.Name, schemaTag)
		}
		b.noForm, err = forms.finish()
		faults = append(faults, err)
	case reflect.Slice, reflect.Array, reflect.Map:
		b.pointers = leadsToPointer(t)
		var forms builder // for its defaults; only JSON has such values
		forms.node(t, "", t.String())
		_, err := forms.finish()
		faults = append(faults, err)
		if placesBelow(t, nil) {
			faults = append(faults, fmt.Errorf("bind: in %v are tags for places; only fields of a request that is a struct can have one", t))
		}
	}
	files, err := fileFieldsOf(b.typ)
	if b.files = files; files != nil {
		err = errors.Join(err, b.noForm)
	}
	faults = append(faults, err, b.json.inspect(body, b.typ.String()))
	if b.form != nil {
		b.bodiless = t.NumField() == 0 || len(b.bodyType.placed) > 0 && len(b.form.fields) == 0 && len(b.json.objects[body].members) == 0
	}
	return errors.Join(faults...)
}

// textRules applies bodyparser.Config for the JSON of a body to the JSON in a
// field of a form.
func textRules(cfg bodyparser.Config) jsonread.Rules {
	limit := cmp.Or(int64(cfg.Limit), requestbody.DefaultLimit)
	return jsonread.Rules{
		MaxDepth:  cmp.Or(cfg.MaxDepth, requestbody.DefaultMaxDepth),
		MaxValues: cmp.Or(cfg.MaxValues, requestbody.DefaultMaxValues(limit)),
		Unique:    cfg.UniqueKeys,
	}
}

// leadsToPointer reports whether a list or a map holds pointers to structs, at
// any depth, without a struct in between whose tags could say more.
func leadsToPointer(t reflect.Type) bool {
	if endless(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return leadsToPointer(t.Elem())
	case reflect.Pointer:
		return fields.Deref(t).Kind() == reflect.Struct && !isText(t) || leadsToPointer(t.Elem())
	}
	return false
}

// Body returns the body of the request as a T, decoded and validated: JSON or a
// form. Without a parser outside it reads the body, and may be called again. Fields
// of T with a place in a tag come from there.
//
// The fields of a multipart form are the exception. They are read from the
// connection and not kept, so Body may be called once.
//
// The time limit, ReadTimeout of bodyparser.Config, needs the writer of a layer
// outside; see there for the layers that provide one.
//
// A request that does not fit gives [*Errors]; a body that cannot be read gives an
// error of package bodyparser. A request without a body is the zero T with its
// defaults, if the rules allow that; a T that is a pointer is never nil.
func (b *Binder[T]) Body(r *http.Request) (T, error) {
	body, err := bodyparser.Parse(nil, r, b.cfg.Parser)
	if err != nil {
		return *new(T), err
	}
	return b.valueOrZero(r, func(v *T) error { return b.decode(nil, r, body, v) })
}

// read is Body with a writer, and with reused memory; or it is Query.
func (b *Binder[T]) read(w http.ResponseWriter, r *http.Request, v *T) (err error) {
	if b.queryOnly {
		return b.withMessages(r, b.readQuery(r, v))
	}
	pooled := requestbody.NewPooledWriter(w)
	defer func() { pooled.Release(r, err) }()
	body, err := bodyparser.Parse(pooled, r, b.cfg.Parser)
	if err != nil {
		return err
	}
	return b.withMessages(r, b.decode(w, r, body, v))
}

// valueOrZero returns the value that fill makes, or the zero value after an error: a
// partial value has not been checked.
func (b *Binder[T]) valueOrZero(r *http.Request, fill func(*T) error) (T, error) {
	v := new(T)
	if err := fill(v); err != nil {
		return *new(T), b.withMessages(r, err)
	}
	return *v, nil
}

// withMessages applies Config.Message.
func (b *Binder[T]) withMessages(r *http.Request, err error) error {
	if b.cfg.Message == nil || err == nil {
		return err
	}
	if e, ok := errors.AsType[*Errors](err); ok {
		for i, f := range e.Fields {
			e.Fields[i].Message = cmp.Or(b.cfg.Message(r, f), f.Message)
		}
	}
	return err
}

// allocated returns what v points to, allocating the pointers of T.
func allocated(v any) reflect.Value {
	dst := reflect.ValueOf(v).Elem()
	for dst.Kind() == reflect.Pointer {
		if dst.IsNil() {
			dst.Set(reflect.New(dst.Type().Elem()))
		}
		dst = dst.Elem()
	}
	return dst
}

// decode makes the value of a request with this body. One error reports the
// errors of the body and of all other places.
func (b *Binder[T]) decode(w http.ResponseWriter, r *http.Request, body *bodyparser.Body, v *T) error {
	form, err := b.decodeBody(w, r, body, v)
	query, also := b.decodePlaced(r, v)
	if err := joinErrors(err, also); err != nil {
		return err
	}
	src := fromJSON
	if form != nil {
		src = fromForm
	}
	return b.validate(r, v, src, form, query)
}

// joinErrors joins two errors. Only field errors are merged.
func joinErrors(one, two error) error {
	a, ok := errors.AsType[*Errors](one)
	b, also := errors.AsType[*Errors](two)
	switch {
	case two == nil, !ok && one != nil:
		return one
	case one == nil, !also:
		return two
	}
	return fieldErrors(a.Status, append(a.Fields, b.Fields...), cmp.Or(a.Err, b.Err))
}

// decodeBody decodes the body. It returns the decoder of a form.
func (b *Binder[T]) decodeBody(w http.ResponseWriter, r *http.Request, body *bodyparser.Body, v *T) (*formDecoder, error) {
	switch mediaType := body.MediaType(); {
	case b.files != nil:
		return b.decodeFiles(w, r, v)
	case mediaType == "" && !body.Present(), b.bodiless && hasNoBody(r, body):
		return nil, b.withoutBody(v)
	case b.form == nil:
		// Only JSON has values other than objects.
	case mediaType == "application/x-www-form-urlencoded", mediaType == "multipart/form-data":
		if b.noForm != nil {
			err := body.Decode(new(struct{})) // refuses what is not JSON
			if refused, ok := errors.AsType[*bodyparser.Error](err); ok {
				refused.Err = b.noForm
			}
			return nil, err
		}
		values, err := body.Form()
		if mediaType == "multipart/form-data" {
			values, err = b.multipartValues(w, r)
		}
		if err != nil {
			return nil, err
		}
		return b.decodeForm(values, v)
	}
	return nil, b.decodeJSON(body, v)
}

// decodeForm decodes the fields of a form.
func (b *Binder[T]) decodeForm(values url.Values, v *T) (*formDecoder, error) {
	fd := b.newFormDecoder("")
	fd.decode(b.form, values, allocated(v))
	return fd, fd.err()
}

// decodeJSON decodes a JSON body, and refuses a body of another type.
func (b *Binder[T]) decodeJSON(body *bodyparser.Body, v *T) error {
	if !body.Present() {
		// An empty object, which is not valid for a list. This returns the
		// error for types that are not JSON.
		if err := body.Decode(new(struct{})); err != nil {
			return b.locateErrors(body, err)
		}
		return b.withoutBody(v)
	}
	var dst any = v
	if len(b.bodyType.placed) > 0 {
		dst = b.bodyType.over(reflect.ValueOf(v).Elem())
	}
	if err := body.Decode(b.json.target(dst)); err != nil {
		return b.locateErrors(body, err)
	}
	return b.notNull(v)
}

// withoutBody makes the value of a request without a body.
func (b *Binder[T]) withoutBody(v *T) error {
	pointer := b.typ.Kind() == reflect.Pointer
	if pointer && !b.bodiless && len(b.bodyType.placed) == 0 {
		return fieldErrors(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "is empty"}}, nil)
	}
	if b.form != nil && (pointer || b.json.rewrite) {
		b.newFormDecoder("").record(b.form, new(input), allocated(v))
	}
	return nil
}

// notNull refuses null where T has a pointer that no tag can mark as required:
// a handler that asks for a *T never gets nil.
func (b *Binder[T]) notNull(v *T) error {
	value := reflect.ValueOf(v).Elem()
	for ; value.Kind() == reflect.Pointer; value = value.Elem() {
		if value.IsNil() {
			return fieldErrors(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "must not be null"}}, nil)
		}
	}
	if !b.pointers {
		return nil
	}
	return fieldErrors(http.StatusBadRequest, nilElements(value, "", nil), nil)
}

// nilElements finds nil pointers to structs in lists and maps.
func nilElements(v reflect.Value, path string, found []FieldError) []FieldError {
	next := func(e reflect.Value, name string) bool {
		switch {
		case e.Kind() != reflect.Pointer:
			found = nilElements(e, joinPointer(path, name), found)
		case e.IsNil():
			found = append(found, FieldError{Path: joinPointer(path, name), Rule: "type", Message: "must not be null"})
		case e.Elem().Kind() != reflect.Struct:
			found = nilElements(e.Elem(), joinPointer(path, name), found)
		}
		return len(found) < maxCollected
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && next(v.Index(i), strconv.Itoa(i)); i++ {
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next() && next(iter.Value(), keyName(iter.Key())); {
		}
	}
	return found
}

// hasNoBody reports whether the request has no body. For a body that was left
// unread only the length tells.
func hasNoBody(r *http.Request, body *bodyparser.Body) bool {
	return !body.Present() && (r.ContentLength == 0 || !strings.HasPrefix(body.MediaType(), "multipart/"))
}

// multipartValues reads the fields of a multipart form, which a page sends if it
// passes its form to fetch. A form with files is for package upload.
func (b *Binder[T]) multipartValues(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	p := b.cfg.Parser
	limit := cmp.Or(p.Limit, requestbody.DefaultLimit)
	return upload.Form(w, r, upload.Config{
		Limit: limit, FieldLimit: limit, MaxParts: b.pairs(), MaxFiles: -1, ReadTimeout: p.ReadTimeout,
	}, nil)
}

// locateErrors finds the places that a decoder complains about.
func (b *Binder[T]) locateErrors(body *bodyparser.Body, err error) error {
	var refused *bodyparser.Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnsupportedMediaType && b.form != nil && b.noForm == nil {
		return acceptForms(refused)
	}
	if errors.As(err, &refused) && (refused.Offset >= 0 || refused.Status != http.StatusBadRequest) {
		return err
	}
	t := b.typ
	if len(b.bodyType.placed) > 0 {
		t = b.bodyType.typ
	}
	fields := b.json.typeErrors(body.Text(), t, "")
	if len(fields) == 0 {
		fields = []FieldError{{Rule: "type", Message: "does not fit"}}
	}
	return fieldErrors(http.StatusBadRequest, fields, err)
}

// validate checks the rules. The decoders, which may be nil, know the client's
// numbers for the elements of lists.
func (b *Binder[T]) validate(r *http.Request, v *T, src source, form, query *formDecoder) error {
	if !b.hasRules {
		return nil
	}
	fields, err := b.validateValue(r.Context(), reflect.ValueOf(v), "", src)
	if err != nil {
		return err
	}
	for i := range fields {
		form.renumber(&fields[i])
		query.renumber(&fields[i])
	}
	return fieldErrors(http.StatusUnprocessableEntity, fields, nil)
}
