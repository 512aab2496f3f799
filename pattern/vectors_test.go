package pattern_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

// The vectors in testdata were recorded from Next.js. A port has to match core
// cases; the others are decisions of a port, or artifacts of JavaScript.

type vector[In, Out any] struct {
	Kind        string
	Portability string
	Input       In
	Expected    Out
}

func TestSortVectors(t *testing.T) {
	type in struct{ Routes []string }
	type out struct {
		Order []string
		Error *struct{ Category string }
	}
	for _, v := range testkit.Vectors[vector[in, out]](t, "route-sort.json") {
		c := v.Case
		if c.Portability != "core" {
			v.Leave("not core")
			continue
		}
		v.Settle(func() error {
			order, err := pattern.Sort(c.Input.Routes)
			if want := c.Expected.Error; want != nil {
				var conflict *pattern.ConflictError
				if !errors.As(err, &conflict) || conflict.Category != want.Category {
					return fmt.Errorf("error %v, want category %s", err, want.Category)
				}
				return nil
			}
			if err != nil || !slices.Equal(order, c.Expected.Order) {
				return fmt.Errorf("order %q, %v, want %q", order, err, c.Expected.Order)
			}
			shuffled := slices.Clone(c.Input.Routes)
			rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			if again, err := pattern.Sort(shuffled); err != nil || !slices.Equal(again, order) {
				return fmt.Errorf("order %q, %v after shuffling to %q", again, err, shuffled)
			}
			routes := map[string]string{}
			for _, r := range order { // without duplicates, which a table refuses
				routes[r] = r
			}
			table, err := pattern.NewTable(routes)
			if err != nil {
				return err
			}
			var all []string
			for p, v := range table.All() {
				if p.String() != v {
					return fmt.Errorf("pattern %s with the value of %s", p, v)
				}
				all = append(all, v)
			}
			if !slices.Equal(all, order) {
				return fmt.Errorf("All gives %q, Sort %q", all, order)
			}
			return nil
		}())
	}
}

// params are expected parameters: a string, or a list for a catch-all.
type params map[string]any

func (want params) check(got pattern.Params) error {
	n := 0
	for name, values := range got.All() {
		if again, ok := got.Lookup(name); !ok || !slices.Equal(again, values) {
			return fmt.Errorf("Lookup(%q) = %q, %t, All gave %q", name, again, ok, values)
		}
		if joined := strings.Join(values, "/"); got.Get(name) != joined {
			return fmt.Errorf("Get(%q) = %q, want %q", name, got.Get(name), joined)
		}
		if !reflect.DeepEqual(want.list(name), values) {
			return fmt.Errorf("parameter %s is %q, want %q", name, values, want[name])
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%d parameters, want %v", n, want)
	}
	if v, ok := got.Lookup("no such name"); ok || v != nil {
		return errors.New("Lookup finds a name that is not there")
	}
	return nil
}

func (want params) list(name string) (values []string) {
	switch v := want[name].(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			values = append(values, e.(string))
		}
	}
	return values
}

func TestMatchVectors(t *testing.T) {
	type in struct {
		Pattern, Path, Route string
		Routes               []string
		Strict               bool
	}
	type out struct {
		Match   bool
		Params  params
		Route   *string
		Error   string
		Dynamic bool
	}
	for _, v := range testkit.Vectors[vector[in, out]](t, "route-match.json") {
		c := v.Case
		if c.Portability != "core" {
			v.Leave("not core")
			continue
		}
		v.Settle(func() error {
			switch c.Kind {
			case "is-dynamic":
				p, err := pattern.Parse(c.Input.Route)
				if err != nil {
					return err
				}
				_, err = p.Build(nil) // succeeds without parameters
				if dynamic := err != nil; dynamic != c.Expected.Dynamic {
					return fmt.Errorf("dynamic: %t", dynamic)
				}
			case "match-one":
				p, err := pattern.Parse(c.Input.Pattern)
				if err != nil {
					return err
				}
				for _, path := range []string{c.Input.Path, encodeLetters(c.Input.Path)} {
					got, err := p.Match(path)
					if err := verdict(err, c.Expected.Match, c.Expected.Error); err != nil {
						return fmt.Errorf("%s: %v", path, err)
					}
					if err := c.Expected.Params.check(got); err != nil {
						return fmt.Errorf("%s: %v", path, err)
					}
				}
			case "resolve":
				routes := map[string]string{}
				for _, r := range c.Input.Routes {
					routes[r] = r
				}
				table, err := pattern.NewTable(routes)
				if err != nil {
					return err
				}
				got, err := table.Match(c.Input.Path)
				if err := verdict(err, c.Expected.Route != nil, c.Expected.Error); err != nil {
					return err
				}
				if c.Expected.Route != nil && (got.Value != *c.Expected.Route || got.Pattern.String() != *c.Expected.Route) {
					return fmt.Errorf("route %s, want %s", got.Value, *c.Expected.Route)
				}
				if err := c.Expected.Params.check(got.Params); err != nil {
					return err
				}
				return serves(c.Input.Routes, c.Input.Path, c.Expected.Route, c.Expected.Params)
			default:
				return fmt.Errorf("unknown kind %s", c.Kind)
			}
			return nil
		}())
	}
}

func verdict(err error, match bool, kind string) error {
	var decode *pattern.DecodeError
	switch {
	case kind == "decode":
		if !errors.As(err, &decode) || decode.StatusCode() != http.StatusBadRequest {
			return fmt.Errorf("error %v, want a DecodeError", err)
		}
	case match && err != nil, !match && err != pattern.ErrNoMatch:
		return fmt.Errorf("error %v, match expected: %t", err, match)
	}
	return nil
}

// encodeLetters percent-encodes every letter that is not encoded yet.
func encodeLetters(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			b.WriteString(path[i : i+3])
			i += 2
		} else if 'a' <= c && c <= 'z' {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// serves checks that a Handler agrees with a table, for a path that net/http
// can carry.
func serves(routes []string, path string, route *string, want params) error {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil
	}
	var served string
	var got url.Values
	handlers := map[string]http.Handler{}
	for _, p := range routes {
		handlers[p] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served, got = r.Pattern, pattern.Query(r)
		})
	}
	h, err := pattern.NewHandler(handlers, pattern.HandlerConfig{})
	if err != nil {
		return err
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.URL = u
	h.ServeHTTP(httptest.NewRecorder(), r)
	if route == nil {
		if served != "" {
			return fmt.Errorf("served by %s", served)
		}
		return nil
	}
	values := url.Values{}
	for name := range want {
		values[name] = want.list(name)
	}
	if served != *route || !maps.EqualFunc(got, values, slices.Equal) {
		return fmt.Errorf("served by %q with %v, want %s with %v", served, got, *route, values)
	}
	return nil
}
