package pattern_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/apiece/apiece/pattern"
)

// nest puts routers and layers around a handler, the first one outermost: "H
// /[id]" is a Handler, "M /{id}" a ServeMux, "S /a" StripPrefix, and "C" a
// layer that copies the request.
func nest(h http.Handler, layers string) http.Handler {
	list := strings.Split(layers, " | ")
	for i := len(list) - 1; i >= 0; i-- {
		inner := h
		switch kind, arg, _ := strings.Cut(list[i], " "); kind {
		case "H":
			h = next(arg)(inner)
		case "M":
			h = mux(arg)(inner)
		case "S":
			h = http.StripPrefix(arg, inner)
		case "C":
			h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(w, r.WithContext(r.Context()))
			})
		default:
			panic(list[i])
		}
	}
	return h
}

// everyName is a query string with all parameters of these tests, and one that
// no route has.
const everyName = "?a=evil&b=evil&c=evil&d=evil&id=evil&tenant=evil&all=evil&slug=evil&none=1"

// TestQueryNestedRouters: the query has the parameters of all routes on the way, and no
// query string stands in for one of them.
func TestQueryNestedRouters(t *testing.T) {
	for _, c := range []struct{ name, layers, path, want string }{
		{"a Handler", "H /[tenant]/[id]", "/acme/1", "id=1&tenant=acme"},
		{"a Handler in a ServeMux", "M /{tenant}/ | S /acme | H /post/[id]", "/acme/post/1", "id=1&tenant=acme"},
		{"a Handler in a Handler", "H /[tenant]/[[...all]] | S /acme | H /post/[id]", "/acme/post/1", "all=post&all=1&id=1&tenant=acme"},
		{"a ServeMux in a Handler", "H /[tenant]/[[...all]] | S /acme | M /post/{id}", "/acme/post/1", "all=post&all=1&id=1&tenant=acme"},
		{"without a parameter inside", "M /{tenant}/ | S /acme | H /post", "/acme/post", "tenant=acme"},
		{"without a parameter inside, in a Handler", "H /[tenant]/[[...all]] | S /acme | M /post", "/acme/post", "all=post&tenant=acme"},
		{"an encoded slash outside", "M /{tenant}/{all...} | C | H /[a]/[b]/[c]", "/x%2Fy/p%2Fq/r", "a=x%2Fy&all=p%2Fq&all=r&b=p%2Fq&c=r&tenant=x%2Fy"},
		{"percent signs outside", "M /{tenant}/{all...} | H /[a]/[...b]", "/20%25/%252F/100%25", "a=20%25&all=%252F&all=100%25&b=%252F&b=100%25&tenant=20%25"},
		{"ServeMux took nothing, in a Handler", "H /[tenant]/[[...all]] | S /acme | M /list/{slug...}", "/acme/list/", "all=list&tenant=acme"},
		{"ServeMux took nothing, around a Handler", "M /{tenant}/{slug...} | S /acme | H /[[...all]]", "/acme/", "tenant=acme"},
		{"Handler took nothing, around a ServeMux", "H /list/[[...slug]] | S /list | M /{$}", "/list/", ""},
		{"Handler took nothing, around a Handler", "H /list/[[...slug]] | S /list | H /", "/list", ""},
		{"Handler took nothing, around both", "H /list/[[...slug]] | S /list | H /[[...all]] | M /{$}", "/list/", ""},
		{"three levels", "M /{a}/ | S /1 | H /[b]/[[...all]] | S /2 | M /{c}/{d...}", "/1/2/3/4%2F5", "a=1&all=3&all=4%2F5&b=2&c=3&d=4%2F5"},
		{"three levels, what the ServeMux forgets", "M /{tenant}/ | S /acme | H /[[...all]] | M /post/{id}", "/acme/post/1", "all=post&all=1&id=1&tenant=acme"},
		{"three Handlers", "H /[a]/[[...all]] | S /1 | H /[b]/[[...slug]] | S /2 | H /[c]", "/1/2/3", "a=1&all=2&all=3&b=2&c=3&slug=3"},
		{"copies", "C | M /{tenant}/ | C | S /acme | C | H /post/[id] | C", "/acme/post/1", "id=1&tenant=acme"},
		{"the same name in a ServeMux", "M /{id}/ | S /7 | H /user/[id]", "/7/user/42", "id=42"},
		{"the same name in a Handler", "H /[id]/[...all] | S /7 | M /user/{id}", "/7/user/42", "all=user&all=42&id=42"},
		{"the same name thrice", "H /[id]/[...all] | S /7 | M /{id}/ | S /8 | H /user/[id]", "/7/8/user/42", "all=8&all=user&all=42&id=42"},
		{"the same name, forgotten by a ServeMux", "M /{id}/ | S /7 | H /[id]/[...all] | S /8 | M /x/{c}", "/7/8/x/9", "all=x&all=9&c=9&id=8"},
		{"the same name, which took nothing", "H /org/[id]/[...all] | S /org/7 | H /list/[[...id]]", "/org/7/list", "all=list"},
		{"the same name, which took nothing in a ServeMux", "H /org/[id]/[...all] | S /org/7 | M /list/{id...}", "/org/7/list/", "all=list"},
		{"the same name, through a ServeMux", "H /org/[id]/[...all] | M / | S /org/7 | H /list/[[...id]]", "/org/7/list", "all=list"},
		{"a list, and one value of the same name", "H /x/[...id] | S /x | M / | H /[id]/[b]", "/x/a%2Fb/c", "b=c&id=a%2Fb"},
	} {
		want, err := url.ParseQuery(c.want)
		if err != nil {
			t.Fatal(err)
		}
		var got *http.Request
		h := nest(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }), c.layers)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", c.path, nil))
		if got == nil {
			t.Errorf("%s: the request did not arrive", c.name)
			continue
		}
		if q := pattern.Query(got); !reflect.DeepEqual(q, want) {
			t.Errorf("%s, without a query string: %q, want %q", c.name, q, want)
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", c.path+everyName, nil))
		query, _ := url.ParseQuery(everyName[1:])
		routes := map[string]bool{}
		for part := range strings.FieldsFuncSeq(c.layers, func(r rune) bool { return strings.ContainsRune(" /|[]{}", r) }) {
			routes[strings.Trim(part, ".")] = true
		}
		for name, values := range query {
			if !routes[name] {
				want[name] = values
			}
		}
		if q := pattern.Query(got); !reflect.DeepEqual(q, want) {
			t.Errorf("%s: %q, want %q", c.name, q, want)
		}
		for name := range routes {
			if v := pattern.Values(got, name); !reflect.DeepEqual(v, []string(want[name])) && name != "none" {
				t.Errorf("%s: Values gives %q for %s, want %q", c.name, v, name, want[name])
			}
		}
	}
}

// TestQueryServeMuxInServeMux: parameters that net/http drops for a ServeMux directly
// inside another are lost.
func TestQueryServeMuxInServeMux(t *testing.T) {
	h := nest(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if v, q := r.PathValue("tenant"), pattern.Query(r).Get("tenant"); v != "" || q != "evil" {
			t.Errorf("PathValue %q, Query %q: the doc of Query says they do not know", v, q)
		}
	}), "M /{tenant}/ | S /acme | M /post/{id}")
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/acme/post/1"+everyName, nil))
}

// TestQueryOuterRouteWithoutCatchAll: a route without a catch-all notes nothing, so inner handlers do
// not know the names. They look up each name in the query string.
func TestQueryOuterRouteWithoutCatchAll(t *testing.T) {
	for target, want := range map[string]url.Values{
		"/acme/posts":                   {},
		"/acme/posts?none=1":            {"none": {"1"}},
		"/acme/posts?tenant=evil&none=": {"tenant": {"acme"}, "none": {""}},
	} {
		h := nest(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if q := pattern.Query(r); !reflect.DeepEqual(q, want) {
				t.Errorf("%s: %q, want %q", target, q, want)
			}
			if v := pattern.Values(r, "tenant"); !reflect.DeepEqual(v, []string{"acme"}) {
				t.Errorf("%s: %q", target, v)
			}
		}), "H /[tenant]/posts | M GET /")
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
	}
}

// TestQueryOutsideOfACopy: a layer outside has the pattern but not the values of a copy
// that was matched. The query string must not stand in for them. Those of a
// Handler are read from the path.
func TestQueryOutsideOfACopy(t *testing.T) {
	for layers, want := range map[string][]string{"H /x/[id]/[[...slug]]": {"7"}, "M /x/{id}/{slug...}": nil} {
		var inside *http.Request
		h := nest(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = r }), layers)
		r := httptest.NewRequest("GET", "/x/7/"+everyName, nil)
		h.ServeHTTP(httptest.NewRecorder(), r.WithContext(r.Context()))
		r.Pattern = inside.Pattern
		q := pattern.Query(r)
		if !reflect.DeepEqual(q["id"], want) || q.Has("slug") || !q.Has("none") {
			t.Errorf("%s: %q", layers, q)
		}
		if v := pattern.Values(r, "id"); !reflect.DeepEqual(v, want) {
			t.Errorf("%s: %q", layers, v)
		}
		r.URL.Path = "/y/7/8"
		if q := pattern.Query(r); q.Has("id") || q.Has("slug") {
			t.Errorf("%s: %q of another path", layers, q)
		}
	}
}

// A nesting is made of bytes: each layer is a router with a parameter and a
// catch-all, whose handler strips the parameter off the path for the next.
type nesting struct {
	routes []string
	path   string
	want   map[string][]string // nil for a parameter that took nothing
	open   map[string]bool     // dropped or mixed up by net/http
}

func makeNesting(data []byte) nesting {
	names := []string{"a", "b", "c", "d"}
	texts := []string{"1", "x%2Fy", "%C3%A9", "100%25", "%252F", "[a]", "%7Ba%7D", "a.b"}
	n := nesting{want: map[string][]string{}, open: map[string]bool{}}
	take := func(most int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % most
	}
	levels := 1 + take(4)
	segs := make([]string, levels+take(3))
	for i := range segs {
		segs[i] = texts[take(len(texts))]
	}
	n.path = "/" + strings.Join(segs, "/")
	if len(segs) == levels {
		n.path += "/" // a ServeMux requires it for the empty rest
	}
	owner := map[string]int{}
	isMux := make([]bool, levels)
	// What net/http keeps: the wildcards of the last ServeMux, and values set
	// under other names.
	wildcards, others := map[string]string{}, map[string]string{}
	for i := range levels {
		one := take(len(names))
		many := (one + 1 + take(len(names)-1)) % len(names)
		if isMux[i] = take(2) == 0; isMux[i] {
			n.routes = append(n.routes, fmt.Sprintf("M /{%s}/{%s...}", names[one], names[many]))
			wildcards = map[string]string{names[one]: "", names[many]: ""}
		} else {
			n.routes = append(n.routes, fmt.Sprintf("H /[%s]/[[...%s]]", names[one], names[many]))
		}
		if i > 0 && isMux[i-1] && isMux[i] {
			for name, by := range owner {
				if by == i-1 {
					n.open[name] = true
				}
			}
		}
		values := make([]string, len(segs)-i)
		for k := range values {
			values[k], _ = url.PathUnescape(segs[i+k])
		}
		for _, own := range []struct {
			name   string
			values []string
		}{{names[one], values[:1:1]}, {names[many], values[1:]}} {
			if owner[own.name], n.want[own.name] = i, own.values; len(own.values) == 0 {
				n.want[own.name] = nil
			}
			delete(n.open, own.name)
			if _, ok := wildcards[own.name]; ok {
				wildcards[own.name] = strings.Join(own.values, "/")
			} else {
				others[own.name] = strings.Join(own.values, "/")
			}
		}
	}
	for name, want := range n.want {
		value, ok := wildcards[name]
		if !ok {
			value = others[name]
		}
		if value != "" && value != strings.Join(want, "/") {
			n.open[name] = true // of another route, hidden by a ServeMux until another one came
		}
	}
	return n
}

// serve returns the request as it arrives inside all routers.
func (n nesting) serve(query string) *http.Request {
	var got *http.Request
	var h http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })
	for i := len(n.routes) - 1; i >= 0; i-- {
		inner := h
		if i < len(n.routes)-1 {
			prev := h
			inner = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r2 := new(http.Request)
				*r2 = *r // as http.StripPrefix does
				u := *r.URL
				rest := u.EscapedPath()
				rest = rest[1+strings.IndexByte(rest[1:], '/'):]
				u.Path, _ = url.PathUnescape(rest)
				u.RawPath = rest
				r2.URL = &u
				prev.ServeHTTP(w, r2)
			})
		}
		h = nest(inner, n.routes[i])
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", n.path+query, nil))
	return got
}

// check returns the errors in the results of Query and Values.
func (n nesting) check() error {
	r := n.serve("")
	if r == nil {
		return fmt.Errorf("%q: %s did not arrive", n.routes, n.path)
	}
	plain := pattern.Query(r)
	for name, want := range n.want {
		if got := plain[name]; !n.open[name] && !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%q %s: without a query string %q for %s, want %q", n.routes, n.path, got, name, want)
		}
	}
	r = n.serve(everyName)
	q := pattern.Query(r)
	for name, values := range q {
		if v := pattern.Values(r, name); v != nil && !reflect.DeepEqual(v, values) {
			return fmt.Errorf("%q %s: %s is %q to Values and %q to Query", n.routes, n.path, name, v, values)
		}
	}
	for name, want := range n.want {
		if n.open[name] {
			continue
		}
		if got, v := q[name], pattern.Values(r, name); !reflect.DeepEqual(got, want) || !reflect.DeepEqual(v, want) {
			return fmt.Errorf("%q %s: Query gives %q for %s, Values %q, want %q", n.routes, n.path, got, name, v, want)
		}
	}
	if got := q.Get("none"); got != "1" {
		return fmt.Errorf("the query string is gone: %q", q)
	}
	return nil
}

// TestQueryRandomNesting: in any nesting, Query and Values agree, return what the
// routes took from the path, and never a value of the query string instead.
func TestQueryRandomNesting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 24)
	names, open := 0, 0
	for range 5000 {
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		n := makeNesting(data)
		if err := n.check(); err != nil {
			t.Error(err)
		}
		names, open = names+len(n.want), open+len(n.open)
	}
	if t.Logf("%d names, %d of them forgotten", names, open); open > names/4 {
		t.Error("too little is compared")
	}
}

// FuzzNesting is TestQueryRandomNesting with fuzzed bytes.
func FuzzNesting(f *testing.F) {
	f.Add([]byte{1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1})
	f.Add([]byte{2, 0, 1, 2, 3, 0, 0, 0, 1, 0, 1, 2, 0, 0})
	f.Add([]byte{3, 2, 5, 6, 1, 3, 4, 0, 1, 0, 1, 0, 1, 2, 1, 0, 0, 0, 1})
	f.Add([]byte("nested routers"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := makeNesting(data).check(); err != nil {
			t.Error(err)
		}
	})
}
