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
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/fields"
	"github.com/apiece/apiece/internal/jsonread"
	"github.com/apiece/apiece/internal/requestbody"
)

// A Binder makes values of type T from requests. [New] does once what depends
// on the type alone. A Binder is safe for concurrent use.
type Binder[T any] struct {
	cfg      Config
	validate *validator.Validate
	typ      reflect.Type
	shadow   shadow  // of T, if it is a struct
	sources  sources // its fields from elsewhere
	json     codec   // of the body
	form     *node   // of the body, nil if T is not a struct
	beyond   error   // why no form can carry T
	files    fileFields
	rules    bool // T leads to structs, which may have rules
	void     bool // no field of T is from the body, which may be missing
	nulls    bool // T is a list or a map of pointers to structs
	reading  bool // requests read the query in place of the body
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

// newReader returns a Binder whose handlers read the query, not the body.
func newReader[T any](cfg Config) *Binder[T] {
	b := New[T](cfg)
	if err := b.queryable(); err != nil {
		panic(err)
	}
	b.reading = true
	return b
}

func newBinder[T any](cfg Config) (*Binder[T], error) {
	b := &Binder[T]{cfg: cfg, validate: cfg.Validator, typ: reflect.TypeFor[T]()}
	if b.validate == nil {
		b.validate = validator.New(validator.WithRequiredStructEnabled())
	}
	if err := registerOptionals(b.validate, b.typ); err != nil {
		return nil, err
	}
	err := errors.Join(cfg.Validate(), checkTags(b.validate, b.typ), checkDefaults(b.typ), b.learn())
	if err != nil {
		return nil, err
	}
	b.rules = len(structs(b.typ, nil)) > 0
	return b, nil
}

// learn inspects the type.
func (b *Binder[T]) learn() error {
	t := fields.Deref(b.typ)
	b.json = codec{strict: b.cfg.Strict, rules: textRules(b.cfg.Parser), hook: b.cfg.Parser.Unmarshal, loop: loop(b.typ)}
	body := b.typ
	var faults []error
	if isOptional(pointed(b.typ)) {
		return fmt.Errorf("bind: %v is for fields, not for a whole request", b.typ)
	}
	switch t.Kind() {
	case reflect.Struct:
		var err error
		if b.shadow, err = newShadow(t); err != nil {
			return err
		}
		if isText(t) || isJSON(t) {
			break
		}
		if b.sources, err = newSources(t, b.shadow.placed); err != nil {
			return err
		}
		body = b.shadow.typ
		var forms builder
		b.form = &node{kind: record, typ: body}
		forms.nodes = map[nodeKey]*node{{typ: body}: b.form}
		for _, m := range fromForm.Members(body) {
			forms.field(b.form, body, m, m.Name, schemaTag)
		}
		b.beyond, err = forms.finish()
		faults = append(faults, err)
	case reflect.Slice, reflect.Array, reflect.Map:
		b.nulls = leadsToPointer(t)
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
		err = errors.Join(err, b.beyond)
	}
	faults = append(faults, err, b.json.learn(body, b.typ.String()))
	if b.form != nil {
		b.void = t.NumField() == 0 || len(b.shadow.placed) > 0 && len(b.form.fields) == 0 && len(b.json.objects[body].members) == 0
	}
	return errors.Join(faults...)
}

// textRules applies bodyparser.Config for the JSON of a body to the JSON in a
// field of a form.
func textRules(cfg bodyparser.Config) jsonread.Rules {
	rules := jsonread.Rules{Depth: cmp.Or(cfg.Depth, defaultDepth), Values: cfg.Values, Unique: cfg.UniqueKeys}
	if limit := cmp.Or(cfg.Limit, bytesize.MB); rules.Values == 0 && limit < 0 {
		rules.Values = -1
	} else if rules.Values == 0 {
		rules.Values = int(max(limit/8, 10_000))
	}
	return rules
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
	return b.whole(r, func(v *T) error { return b.decode(nil, r, body, v) })
}

// read is Body with a writer, and with reused memory; or it is Query.
func (b *Binder[T]) read(w http.ResponseWriter, r *http.Request, v *T) (err error) {
	if b.reading {
		return b.worded(r, b.readQuery(r, v))
	}
	loan := requestbody.Lend(w)
	defer func() { loan.End(r, err) }()
	body, err := bodyparser.Parse(loan, r, b.cfg.Parser)
	if err != nil {
		return err
	}
	return b.worded(r, b.decode(w, r, body, v))
}

// whole returns the value that fill makes, or the zero value after an error: a
// partial value has not been checked.
func (b *Binder[T]) whole(r *http.Request, fill func(*T) error) (T, error) {
	v := new(T)
	if err := fill(v); err != nil {
		return *new(T), b.worded(r, err)
	}
	return *v, nil
}

// worded applies Config.Message.
func (b *Binder[T]) worded(r *http.Request, err error) error {
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
// mistakes of the body and of all other places.
func (b *Binder[T]) decode(w http.ResponseWriter, r *http.Request, body *bodyparser.Body, v *T) error {
	form, err := b.fill(w, r, body, v)
	query, also := b.elsewhere(r, v)
	if err := both(err, also); err != nil {
		return err
	}
	src := fromJSON
	if form != nil {
		src = fromForm
	}
	return b.finish(r, v, src, form, query)
}

// both joins two errors. Only field errors are merged.
func both(one, two error) error {
	a, ok := errors.AsType[*Errors](one)
	b, also := errors.AsType[*Errors](two)
	switch {
	case two == nil, !ok && one != nil:
		return one
	case one == nil, !also:
		return two
	}
	return wrong(a.Status, append(a.Fields, b.Fields...), cmp.Or(a.Err, b.Err))
}

// fill decodes the body. It returns the reading of a form.
func (b *Binder[T]) fill(w http.ResponseWriter, r *http.Request, body *bodyparser.Body, v *T) (*reading, error) {
	switch mediaType := body.MediaType(); {
	case b.files != nil:
		return b.receive(w, r, v)
	case mediaType == "" && !body.Present(), b.void && empty(r, body):
		return nil, b.absent(v)
	case b.form == nil:
		// Only JSON has values other than objects.
	case mediaType == "application/x-www-form-urlencoded", mediaType == "multipart/form-data":
		if b.beyond != nil {
			err := body.Decode(new(struct{})) // refuses what is not JSON
			if refused, ok := errors.AsType[*bodyparser.Error](err); ok {
				refused.Err = b.beyond
			}
			return nil, err
		}
		values, err := body.Form()
		if mediaType == "multipart/form-data" {
			values, err = b.multipart(w, r)
		}
		if err != nil {
			return nil, err
		}
		rd := b.newReading("")
		rd.read(b.form, values, allocated(v))
		return rd, rd.err()
	}
	if !body.Present() {
		// An empty object, which is not valid for a list. This returns the
		// error for types that are not JSON.
		if err := body.Decode(new(struct{})); err != nil {
			return nil, b.locate(body, err)
		}
		return nil, b.absent(v)
	}
	var dst any = v
	if len(b.shadow.placed) > 0 {
		dst = b.shadow.of(reflect.ValueOf(v).Elem())
	}
	if err := body.Decode(b.json.target(dst)); err != nil {
		return nil, b.locate(body, err)
	}
	return nil, b.notNull(v)
}

// absent makes the value of a request without a body.
func (b *Binder[T]) absent(v *T) error {
	pointer := b.typ.Kind() == reflect.Pointer
	if pointer && !b.void && len(b.shadow.placed) == 0 {
		return wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "is empty"}}, nil)
	}
	if b.form != nil && (pointer || b.json.rewrite) {
		b.newReading("").record(b.form, new(given), allocated(v))
	}
	return nil
}

// notNull refuses null where T has a pointer that no tag can mark as required:
// a handler that asks for a *T never gets nil.
func (b *Binder[T]) notNull(v *T) error {
	value := reflect.ValueOf(v).Elem()
	for ; value.Kind() == reflect.Pointer; value = value.Elem() {
		if value.IsNil() {
			return wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "must not be null"}}, nil)
		}
	}
	if !b.nulls {
		return nil
	}
	return wrong(http.StatusBadRequest, nulls(value, "", nil), nil)
}

// nulls finds nil pointers to structs in lists and maps.
func nulls(v reflect.Value, path string, found []FieldError) []FieldError {
	next := func(e reflect.Value, name string) bool {
		switch {
		case e.Kind() != reflect.Pointer:
			found = nulls(e, step(path, name), found)
		case e.IsNil():
			found = append(found, FieldError{Path: step(path, name), Rule: "type", Message: "must not be null"})
		case e.Elem().Kind() != reflect.Struct:
			found = nulls(e.Elem(), step(path, name), found)
		}
		return len(found) < enough
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

// empty reports whether the request has no body. For a body that was left
// unread only the length tells.
func empty(r *http.Request, body *bodyparser.Body) bool {
	return !body.Present() && (r.ContentLength == 0 || !strings.HasPrefix(body.MediaType(), "multipart/"))
}

// multipart reads the fields of a multipart form, which a page sends if it
// passes its form to fetch. A form with files is for package upload.
func (b *Binder[T]) multipart(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	p := b.cfg.Parser
	limit := cmp.Or(p.Limit, bytesize.MB)
	return upload.Form(w, r, upload.Config{
		Limit: limit, FieldLimit: limit, Parts: b.pairs(), Files: -1, ReadTimeout: p.ReadTimeout,
	}, nil)
}

// locate finds the places that a decoder complains about.
func (b *Binder[T]) locate(body *bodyparser.Body, err error) error {
	var refused *bodyparser.Error
	if errors.As(err, &refused) && refused.Status == http.StatusUnsupportedMediaType && b.form != nil && b.beyond == nil {
		return acceptForms(refused)
	}
	if errors.As(err, &refused) && (refused.Offset >= 0 || refused.Status != http.StatusBadRequest) {
		return err
	}
	t := b.typ
	if len(b.shadow.placed) > 0 {
		t = b.shadow.typ
	}
	fields := b.json.mistakes(body.Text(), t, "")
	if len(fields) == 0 {
		fields = []FieldError{{Rule: "type", Message: "does not fit"}}
	}
	return wrong(http.StatusBadRequest, fields, err)
}

// finish checks the rules. The readings, which may be nil, know the client's
// numbers for the elements of lists.
func (b *Binder[T]) finish(r *http.Request, v *T, src source, form, query *reading) error {
	if !b.rules {
		return nil
	}
	fields, err := b.check(r.Context(), reflect.ValueOf(v), "", src)
	if err != nil {
		return err
	}
	for i := range fields {
		form.renumber(&fields[i])
		query.renumber(&fields[i])
	}
	return wrong(http.StatusUnprocessableEntity, fields, nil)
}
