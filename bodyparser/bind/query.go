package bind

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// Query returns the query of the request as a T, decoded and validated by the
// rules of forms. As in req.query of Next.js, the parameters of the route are
// part of it and take precedence over the query string; see pattern.Query. Fields
// with a place come from there alone. A query that is malformed, or has more than
// Config.Parser.Pairs pairs, 1000 by default, is 400. A T that a query cannot
// carry gives an error of status 500.
func (b *Binder[T]) Query(r *http.Request) (T, error) {
	return b.whole(r, func(v *T) error { return b.readQuery(r, v) })
}

func (b *Binder[T]) readQuery(r *http.Request, v *T) error {
	return b.routed(r, b.fillQuery(r, v))
}

// routed sets "path" in errors about fields that the route has put into the
// query.
func (b *Binder[T]) routed(r *http.Request, err error) error {
	e, ok := errors.AsType[*Errors](err)
	if !ok {
		return err
	}
	given := b.fromRoute(r, pattern.Query(r))
	for i, f := range e.Fields {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Path, "/"), "/")
		name = unescapeStep.Replace(name)
		if f.In == "query" && given[name] && !named(b.sources.query, name) {
			e.Fields[i].In = "path"
		}
	}
	return wrong(e.Status, e.Fields, e.Err)
}

var unescapeStep = strings.NewReplacer("~1", "/", "~0", "~")

func (b *Binder[T]) fillQuery(r *http.Request, v *T) error {
	if err := b.queryable(); err != nil {
		return err
	}
	raw, err := parseQuery(r, b.pairs())
	if err != nil {
		return err
	}
	dst := allocated(v)
	rd := b.newReading("query")
	if len(b.form.fields) > 0 || b.cfg.Strict {
		rd.read(b.form, b.rest(r), dst)
	}
	if b.sources.query != nil {
		rd.strict = false // unknown names may be fields of the rest
		rd.read(b.sources.query, raw, dst)
	}
	if err := b.sources.read(r, rd, dst); err != nil {
		return err
	}
	if err := rd.err(); err != nil {
		return err
	}
	return b.finish(r, v, fromQuery, nil, rd)
}

// rest returns the query and the route parameters for fields without a place.
func (b *Binder[T]) rest(r *http.Request) url.Values {
	values := pattern.Query(r)
	given := b.fromRoute(r, values)
	maps.DeleteFunc(values, func(key string, _ []string) bool {
		if named(b.sources.query, key) {
			return true
		}
		switch f, _ := b.form.named(key); {
		case f == nil:
			// An unknown route parameter is not the client's fault.
			return b.cfg.Strict && pattern.Values(r, key) != nil
		default: // the client may spell it differently than the route
			return given[f.name] && pattern.Values(r, key) == nil
		}
	})
	return values
}

// fromRoute returns the names of the fields that the route has put into the query.
func (b *Binder[T]) fromRoute(r *http.Request, query url.Values) (given map[string]bool) {
	for key := range query {
		if f, rest := b.form.named(key); f != nil && len(rest) == 0 && pattern.Values(r, key) != nil {
			if given == nil {
				given = map[string]bool{}
			}
			given[f.name] = true
		}
	}
	return given
}

// queryable says why no query can carry a T.
func (b *Binder[T]) queryable() error {
	switch {
	case b.form == nil:
		return fmt.Errorf("bind: a query needs a struct that no method of its own reads, not %v", b.typ)
	case b.files != nil:
		return fmt.Errorf("bind: %v has files, which a query cannot carry", b.typ)
	}
	return b.beyond
}

// named reports whether a key names a field of the record, or a part of one.
func named(n *node, key string) bool {
	f, _ := n.named(key)
	return f != nil
}

// named returns the field that a key names, or a part of, and the names of the
// part. It returns nil if there is none.
func (n *node) named(key string) (f *field, part []string) {
	names, ok := split(key)
	if n == nil || !ok {
		return nil, nil
	}
	return n.find(names)
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
	return b.whole(r, func(v *T) error {
		if err := b.queryable(); err != nil {
			return err
		}
		rd := b.newReading("")
		rd.read(b.form, values, allocated(v))
		if err := rd.err(); err != nil {
			return err
		}
		return b.finish(r, v, fromForm, rd, nil)
	})
}

// elsewhere reads the fields that do not come from the body. It returns the
// reading, nil if there are none.
func (b *Binder[T]) elsewhere(r *http.Request, v *T) (*reading, error) {
	if len(b.shadow.placed) == 0 {
		return nil, nil
	}
	dst := allocated(v)
	rd := b.newReading("query")
	if b.sources.query != nil {
		values, err := parseQuery(r, b.pairs())
		if err != nil {
			return nil, err
		}
		rd.read(b.sources.query, values, dst)
	}
	if err := b.sources.read(r, rd, dst); err != nil {
		return nil, err
	}
	return rd, rd.err()
}

func (b *Binder[T]) newReading(in string) *reading {
	return &reading{
		limits: limits{rows: cmp.Or(b.cfg.Rows, defaultRows), elements: cmp.Or(b.cfg.Elements, defaultElements)},
		in:     in, strict: b.cfg.Strict, json: &b.json,
	}
}

// The defaults of the zero Config.
const (
	defaultRows     = 100
	defaultElements = 1000
	defaultPairs    = 1000
	defaultDepth    = 512
)

// pairs limits queries and multipart forms, as bodyparser.Config limits
// urlencoded ones.
func (b *Binder[T]) pairs() int { return cmp.Or(b.cfg.Parser.Pairs, defaultPairs) }

// parseQuery parses the query string of the request, with a limit on its pairs.
func parseQuery(r *http.Request, pairs int) (url.Values, error) {
	raw := r.URL.RawQuery
	refuse := func(message string, err error) (url.Values, error) {
		return nil, wrong(http.StatusBadRequest, []FieldError{{In: "query", Rule: "type", Message: message}}, err)
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
