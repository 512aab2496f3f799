package bind

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/apiece/apiece/internal/requestbody"
	"github.com/apiece/apiece/pattern"
)

// Query returns the query of the request as a T, decoded and validated by the
// rules of forms. As in req.query of Next.js, the parameters of the route are
// part of it and take precedence over the query string; see pattern.Query. Fields
// with a place come from there alone. A query that is malformed, or has more than
// Config.Parser.MaxPairs pairs, 1000 by default, is 400. A T that a query cannot
// carry gives an error of status 500.
func (b *Binder[T]) Query(r *http.Request) (T, error) {
	return b.valueOrZero(r, func(v *T) error { return b.readQuery(r, v) })
}

func (b *Binder[T]) readQuery(r *http.Request, v *T) error {
	return b.markRouteErrors(r, b.decodeQuery(r, v))
}

// markRouteErrors sets "path" in errors about fields that the route has put into the
// query.
func (b *Binder[T]) markRouteErrors(r *http.Request, err error) error {
	e, ok := errors.AsType[*Errors](err)
	if !ok {
		return err
	}
	given := b.routeFields(r, pattern.Query(r))
	for i, f := range e.Fields {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Path, "/"), "/")
		name = unescapePointer.Replace(name)
		if f.In == "query" && given[name] && !hasKey(b.sources.query, name) {
			e.Fields[i].In = "path"
		}
	}
	return fieldErrors(e.Status, e.Fields, e.Err)
}

func (b *Binder[T]) decodeQuery(r *http.Request, v *T) error {
	if err := b.queryError(); err != nil {
		return err
	}
	raw, err := parseQuery(r, b.pairs())
	if err != nil {
		return err
	}
	dst := allocated(v)
	fd := b.newFormDecoder("query")
	if len(b.form.fields) > 0 || b.cfg.Strict {
		fd.decode(b.form, b.unplacedQuery(r), dst)
	}
	if b.sources.query != nil {
		fd.strict = false // unknown names may be fields of the rest
		fd.decode(b.sources.query, raw, dst)
	}
	if err := b.sources.decode(r, fd, dst); err != nil {
		return err
	}
	if err := fd.err(); err != nil {
		return err
	}
	return b.validate(r, v, fromQuery, nil, fd)
}

// unplacedQuery returns the query and the route parameters for fields without a place.
func (b *Binder[T]) unplacedQuery(r *http.Request) url.Values {
	values := pattern.Query(r)
	given := b.routeFields(r, values)
	maps.DeleteFunc(values, func(key string, _ []string) bool {
		if hasKey(b.sources.query, key) {
			return true
		}
		switch f, _ := b.form.findKey(key); {
		case f == nil:
			// An unknown route parameter is not the client's fault.
			return b.cfg.Strict && pattern.Values(r, key) != nil
		default: // the client may spell it differently than the route
			return given[f.name] && pattern.Values(r, key) == nil
		}
	})
	return values
}

// routeFields returns the names of the fields that the route has put into the query.
func (b *Binder[T]) routeFields(r *http.Request, query url.Values) (given map[string]bool) {
	for key := range query {
		if f, rest := b.form.findKey(key); f != nil && len(rest) == 0 && pattern.Values(r, key) != nil {
			if given == nil {
				given = map[string]bool{}
			}
			given[f.name] = true
		}
	}
	return given
}

// queryError says why no query can carry a T.
func (b *Binder[T]) queryError() error {
	switch {
	case b.form == nil:
		return fmt.Errorf("bind: a query needs a struct that no method of its own reads, not %v", b.typ)
	case b.files != nil:
		return fmt.Errorf("bind: %v has files, which a query cannot carry", b.typ)
	}
	return b.noForm
}

// Values returns form values from another source than the request, decoded and
// validated by the same rules. It ignores fields with a place, and does not
// change the values. Values that do not fit give [*Errors]; a T that a form
// cannot carry gives an error of status 500.
func (b *Binder[T]) Values(values url.Values) (T, error) {
	r := &http.Request{ // for Config.Message
		Method: http.MethodGet, URL: new(url.URL), Header: http.Header{}, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return b.valueOrZero(r, func(v *T) error {
		if err := b.queryError(); err != nil {
			return err
		}
		form, err := b.decodeForm(values, v)
		if err != nil {
			return err
		}
		return b.validate(r, v, fromForm, form, nil)
	})
}

// pairs limits queries and multipart forms, as bodyparser.Config limits
// urlencoded ones.
func (b *Binder[T]) pairs() int { return cmp.Or(b.cfg.Parser.MaxPairs, requestbody.DefaultMaxPairs) }

// parseQuery parses the query string of the request, with a limit on its pairs.
func parseQuery(r *http.Request, pairs int) (url.Values, error) {
	raw := r.URL.RawQuery
	refuse := func(message string, err error) (url.Values, error) {
		return nil, fieldErrors(http.StatusBadRequest, []FieldError{{In: "query", Rule: "type", Message: message}}, err)
	}
	if pairs >= 0 && strings.Count(raw, "&") >= pairs { // before parsing allocates
		return refuse("has too many pairs", nil)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return refuse("is not well-formed", err)
	}
	return values, nil
}
