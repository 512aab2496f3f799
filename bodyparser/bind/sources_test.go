package bind_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

// paging is embedded in requests.
type paging struct {
	Page int `query:"page,default:1" validate:"min=1" json:"-"`
	Size int `query:"size" json:"-"`
}

func (paging) Offset() int { return 0 }

type update struct {
	paging
	ID     objectID         `path:"id" json:"id"`
	Admin  bool             `header:"X-Admin" json:"admin"`
	Theme  *string          `cookie:"theme"`
	Langs  []string         `header:"Accept-Language"`
	Sort   []string         `query:"sort"`
	Filter *struct{ A int } `query:"filter"`
	Since  time.Time        `header:"X-Since,default:2026-01-02T03:04:05Z"`
	Wait   time.Duration    `cookie:"wait"`
	Host   string           `header:"Host"`
	audit
	Title  string `json:"title" validate:"required"`
	hidden int
}

func TestSourcesOfFields(t *testing.T) {
	h := bind.Func(func(r *http.Request, in update) (map[string]any, error) {
		in.hidden++
		theme := "none"
		if in.Theme != nil {
			theme = *in.Theme
		}
		filter := -1
		if in.Filter != nil {
			filter = in.Filter.A
		}
		return map[string]any{"text": fmt.Sprint(fmt.Sprintf("%x", in.ID[:]), " ", in.Admin, " ", theme, " ", in.Langs, " ", in.Sort, " ", filter, " ",
			in.Since.Format(time.DateOnly), " ", in.Wait, " ", in.Page, " ", in.Size, " ", in.By, " ", in.Title, " ", in.Host)}, nil
	})
	mux := http.NewServeMux()
	mux.Handle("PUT /mux/{id}", h)
	next, err := pattern.NewHandler(map[string]http.Handler{"/next/[id]": h}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/next/", next)
	if next, err = pattern.NewHandler(map[string]http.Handler{"/bare/[id]": h}, pattern.HandlerConfig{NoPathValues: true}); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/bare/", next)
	for _, test := range []struct {
		why, target, contentType, body string
		header                         http.Header
		status                         int
		want                           string
	}{
		{"nothing but what must be", "/01020304", jsonType, `{"title":"x"}`, nil, 200, "01020304 false none [] [] -1 2026-01-02 0s 1 0  x example.com"},
		{"everything", "/01020304?page=2&size=3&sort=a&sort=&filter[a]=7", jsonType, `{"title":"x","by":"me"}`,
			http.Header{"X-Admin": {"true"}, "Accept-Language": {"en, de", "fr"}, "X-Since": {"2027-01-01"}, "Cookie": {"theme=dark; wait=5s"}}, 200,
			"01020304 true dark [en de fr] [a ] 7 2027-01-01 5s 2 3 me x example.com"},
		{"no body sets what comes from elsewhere", "/01020304", jsonType,
			`{"title":"x","id":"ffffffff","ID":"ffffffff","admin":true,"Admin":true,"X-Admin":true,"Theme":"evil","theme":"evil","page":9,"Page":9,"Size":9,"Sort":["x"],"Host":"evil","Embedded0":{"Page":9},"paging":{"Page":9}}`,
			nil, 200, "01020304 false none [] [] -1 2026-01-02 0s 1 0  x example.com"},
		{"no form either", "/01020304", formType, `title=x&id=ffffffff&ID=ffffffff&admin=1&Admin=1&Theme=evil&page=9&Page=9&Embedded0.Page=9&paging.Page=9`, nil, 200,
			"01020304 false none [] [] -1 2026-01-02 0s 1 0  x example.com"},
		{"wrong everywhere", "/x?page=x&filter.a=b", jsonType, `{"title":7}`, http.Header{"X-Admin": {"maybe"}, "Cookie": {"wait=x"}}, 400,
			`[{"path":"/title","rule":"type"},{"in":"cookie","path":"/wait","rule":"type"},{"in":"header","path":"/X-Admin","rule":"type"},{"in":"path","path":"/id","rule":"type"},{"in":"query","path":"/filter/A","rule":"type"},{"in":"query","path":"/page","rule":"type"}]`},
		{"the date of HTTP", "/01020304", jsonType, `{"title":"x"}`, http.Header{"X-Since": {"Sun, 06 Nov 1994 08:49:37 GMT"}}, 200, "01020304 false none [] [] -1 1994-11-06 0s 1 0  x example.com"},
		{"a rule", "/01020304?page=-1", jsonType, `{}`, nil, 422, `[{"path":"/title","rule":"required"},{"in":"query","path":"/page","rule":"min"}]`},
		{"an explicit zero", "/01020304?page=0", jsonType, `{"title":"x"}`, nil, 422, `[{"in":"query","path":"/page","rule":"min"}]`},
		{"a header that is given twice", "/01020304", jsonType, `{"title":"x"}`, http.Header{"X-Admin": {"true", "false"}}, 400, `[{"in":"header","path":"/X-Admin","rule":"type"}]`},
		{"a header that is not UTF-8", "/01020304", jsonType, `{"title":"x"}`, http.Header{"Accept-Language": {"\xff"}}, 400, `[{"in":"header","path":"/Accept-Language","rule":"type"}]`},
		{"a malformed query", "/01020304?a=%zz", jsonType, `{"title":"x"}`, nil, 400, `[{"in":"query","path":"","rule":"type"}]`},
		{"no body", "/01020304", "", ``, nil, 422, `[{"path":"/title","rule":"required"}]`},
		{"a body of another type", "/01020304", "text/plain", `x`, nil, 415, `null`},
	} {
		for _, prefix := range []string{"/mux", "/next", "/bare"} {
			r := post(test.contentType, test.body)
			at := httptest.NewRequest("PUT", prefix+test.target, nil)
			r.Method, r.URL, r.RequestURI = at.Method, at.URL, at.RequestURI
			for name, values := range test.header {
				r.Header[name] = values
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			var got struct {
				Text   string
				Errors []struct {
					In   string `json:"in,omitempty"`
					Path string `json:"path"`
					Rule string `json:"rule"`
				}
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if errs, _ := json.Marshal(got.Errors); w.Code != 200 {
				got.Text = string(errs)
			}
			if w.Code != test.status || got.Text != test.want {
				t.Errorf("%s, %s: %d %s\nwant %d %s", test.why, prefix, w.Code, got.Text, test.status, test.want)
			}
		}
	}
}

// Values of a path, a header and a cookie are read like forms.
func TestSourcesReadAsForms(t *testing.T) {
	type in struct {
		Path []string `path:"rest"`
		Text string   `path:"rest"`
	}
	if _, err := bind.Query[in](httptest.NewRequest("GET", "/", nil)); err == nil {
		t.Error("two fields for one parameter")
	}
	type list struct {
		Rest []string `path:"rest"`
		N    []int    `cookie:"n"`
		M    []int    `header:"M"`
	}
	type text struct {
		Rest string `path:"rest"`
	}
	mux := http.NewServeMux()
	mux.Handle("/list/{rest...}", bind.QueryFunc(func(r *http.Request, in list) (list, error) { return in, nil }))
	mux.Handle("/text/{rest...}", bind.QueryFunc(func(r *http.Request, in text) (text, error) { return in, nil }))
	for _, test := range []struct{ target, want string }{
		{"/list/a%2Fb/c", `{"Rest":["a/b","c"],"N":[1,2],"M":[3,4]}`},
		{"/list/", `{"Rest":null,"N":[1,2],"M":[3,4]}`},
		{"/text/a/b", `{"Rest":"a/b"}`},
		{"/text/", `{"Rest":""}`},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		r.Header.Set("Cookie", "n=1,2")
		r.Header.Set("M", "3,, 4")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); got != test.want {
			t.Errorf("%s: %s, want %s", test.target, got, test.want)
		}
	}
}

// An absent list is not an empty one, in any place: it has its default, and no
// rule takes it for sent.
func TestSourcesAbsentLists(t *testing.T) {
	type in struct {
		Path   []string                `path:"slug,default:a|b"`
		Header []string                `header:"X-H,default:a|b"`
		Counts []int                   `header:"X-C,default:1|2"`
		Cookie []string                `cookie:"c,default:a|b"`
		Query  []string                `query:"q,default:a|b"`
		Bare   []string                `header:"X-B"`
		Maybe  *[]string               `header:"X-M" validate:"required"`
		Option bind.Optional[[]string] `cookie:"o" validate:"required"`
	}
	h := bind.QueryFunc(func(r *http.Request, in in) (in, error) { return in, nil })
	routes, err := pattern.NewHandler(map[string]http.Handler{"/docs/[[...slug]]": h}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	const defaults = `{"Path":["a","b"],"Header":["a","b"],"Counts":[1,2],"Cookie":["a","b"],"Query":["a","b"],"Bare":null,`
	for _, test := range []struct {
		why, target string
		header      http.Header
		status      int
		want        string
	}{
		{"nothing", "/docs", nil, 422, `"errors":[{"in":"cookie","path":"/o","rule":"required","message":"is required"},{"in":"header","path":"/X-M","rule":"required"`},
		{"left empty", "/docs?q=", http.Header{"X-H": {""}, "X-M": {" , "}, "Cookie": {"o="}}, 422, `"errors":[{"in":"cookie","path":"/o","rule":"required","message":"is required"},{"in":"header","path":"/X-M","rule":"required"`},
		{"what is required", "/docs", http.Header{"X-M": {"x"}, "Cookie": {"o=y"}}, 200, defaults + `"Maybe":["x"],"Option":["y"]}`},
		{"all", "/docs/d/e?q=f", http.Header{"X-H": {"g, h"}, "X-C": {"3"}, "X-B": {"i"}, "X-M": {"x"}, "Cookie": {"o=y; c=j"}}, 200,
			`{"Path":["d","e"],"Header":["g","h"],"Counts":[3],"Cookie":["j"],"Query":["f"],"Bare":["i"],"Maybe":["x"],"Option":["y"]}`},
	} {
		r := httptest.NewRequest("GET", test.target, nil)
		for name, values := range test.header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		routes.ServeHTTP(w, r)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d %s", test.why, w.Code, w.Body, test.status, test.want)
		}
	}
}

// A route without the parameter is a fault of the service, which would
// otherwise delete user 0.
func TestSourcesPathWithoutParameter(t *testing.T) {
	type in struct {
		ID int `path:"id"`
	}
	type optional struct {
		ID  *int `path:"id"`
		Tag int  `path:"tag,default:7"`
	}
	var log testkit.Log
	mux := http.NewServeMux()
	cfg := bind.Config{Logger: log.Logger()}
	mux.Handle("/grid/{other}", bind.QueryFuncWith(cfg, func(r *http.Request, in in) (in, error) { return in, nil }))
	mux.Handle("/optional", bind.QueryFuncWith(cfg, func(r *http.Request, in optional) (optional, error) { return in, nil }))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/grid/1", nil))
	if w.Code != 500 || len(log.Records()) != 1 || !strings.Contains(testkit.Attr(log.Records()[0], "error"), `"id"`) {
		t.Errorf("%d %s %v", w.Code, w.Body, log.Records())
	}
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/optional", nil))
	if got := strings.TrimSpace(w.Body.String()); got != `{"ID":null,"Tag":7}` {
		t.Errorf("%d %s", w.Code, got)
	}
}

func TestQueryFuncResponses(t *testing.T) {
	type search struct {
		Q    string   `json:"q" validate:"required"`
		Tags []string `json:"tags"`
		ID   int      `path:"id"`
		Sort string   `query:"sort,default:new"`
	}
	mux := http.NewServeMux()
	mux.Handle("/search/{id}", bind.QueryFuncWith(bind.Config{Strict: true}, func(r *http.Request, in search) (search, error) { return in, nil }))
	for _, test := range []struct {
		target string
		status int
		want   string
	}{
		{"/search/7?q=x&tags=a&tags=b", 200, `{"q":"x","tags":["a","b"],"ID":7,"Sort":"new"}`},
		{"/search/7?q=x&sort=old&id=8", 200, `{"q":"x","tags":null,"ID":7,"Sort":"old"}`},
		{"/search/7?q=x&ID=8", 400, `"errors":[{"in":"query","path":"/ID","rule":"unknown"`},
		{"/search/7?tags[b]=x", 400, `"errors":[{"in":"query","path":"/tags/b","rule":"index"`},
		{"/search/7", 422, `"errors":[{"in":"query","path":"/q","rule":"required"`},
		{"/search/x?q=x", 400, `"errors":[{"in":"path","path":"/id","rule":"type"`},
		{"/search/7?a=%zz", 400, `"detail":"the query is not well-formed"`},
	} {
		w := httptest.NewRecorder()
		// No body of any type is read.
		r := post("text/plain", "x")
		at := httptest.NewRequest("GET", test.target, nil)
		r.Method, r.URL = at.Method, at.URL
		mux.ServeHTTP(w, r)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: %d %s, want %d %s", test.target, w.Code, w.Body, test.status, test.want)
		}
	}
}

// The route takes precedence over the query, with any spelling of the name.
func TestQueryRouteWins(t *testing.T) {
	type in struct {
		ID   string `json:"id" validate:"max=3"`
		Page int    `json:"page"`
		Tags []int  `json:"tags"`
	}
	mux := http.NewServeMux()
	for _, strict := range []string{"", "/strict"} {
		h := bind.QueryFuncWith(bind.Config{Strict: strict != ""}, func(r *http.Request, in in) (in, error) { return in, nil })
		mux.Handle(strict+"/x/{id}", h)
		mux.Handle(strict+"/y/{PAGE}", h)
		mux.Handle(strict+"/z/{tags...}", h)
	}
	for _, test := range []struct{ target, want string }{
		{"/x/7", `{"id":"7","page":0,"tags":null}`},
		{"/x/7?id=E", `{"id":"7","page":0,"tags":null}`},
		{"/x/7?ID=E", `{"id":"7","page":0,"tags":null}`},
		{"/x/7?id[]=E", `{"id":"7","page":0,"tags":null}`},
		{"/x/7?id[0]=E&iD=F", `{"id":"7","page":0,"tags":null}`},
		{"/x/7?id.x=E&page=2", `{"id":"7","page":2,"tags":null}`},
		{"/x/7?page.x=2", `"errors":[{"in":"query","path":"/page","rule":"type"`},
		{"/x/7777?ID=E", `"errors":[{"in":"path","path":"/id","rule":"max"`},
		{"/y/3?page=4&Page[]=5", `{"id":"","page":3,"tags":null}`},
		{"/y/x?page=4", `"errors":[{"in":"path","path":"/page","rule":"type"`},
		{"/z/1/2?tags[0]=3&tags[]=4&Tags=5", `{"id":"","page":0,"tags":[1,2]}`},
		{"/z/1/x?tags[1]=3", `"errors":[{"in":"path","path":"/tags/1","rule":"type"`},
	} {
		for _, strict := range []string{"", "/strict"} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest("GET", strict+test.target, nil))
			if got := w.Body.String(); !strings.Contains(got, test.want) {
				t.Errorf("%s%s: %s, want %s", strict, test.target, got, test.want)
			}
		}
	}
}

// A field of the query is not the route parameter of the same name.
func TestQueryIsNotThePath(t *testing.T) {
	type in struct {
		Path  int `path:"id"`
		Query int `query:"id" validate:"max=9"`
	}
	mux := http.NewServeMux()
	mux.Handle("/{id}", bind.QueryFunc(func(r *http.Request, in in) (in, error) { return in, nil }))
	for target, want := range map[string]string{
		"/1?id=2":  `{"Path":1,"Query":2}`,
		"/1":       `{"Path":1,"Query":0}`,
		"/1?id=x":  `"errors":[{"in":"query","path":"/id","rule":"type"`,
		"/x?id=x":  `"errors":[{"in":"path","path":"/id","rule":"type","message":"must be a whole number in range"},{"in":"query",`,
		"/1?id=10": `"errors":[{"in":"query","path":"/id","rule":"max"`,
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if got := w.Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

func TestSourcesWithoutBody(t *testing.T) {
	type in struct {
		ID int `path:"id"`
	}
	mux := http.NewServeMux()
	mux.Handle("/{id}", bind.Func(func(r *http.Request, in in) (in, error) { return in, nil }))
	mux.Handle("/pointer/{id}", bind.Func(func(r *http.Request, in *in) (*in, error) { return in, nil }))
	for _, target := range []string{"/7", "/pointer/7"} {
		for _, contentType := range []string{"", jsonType, formType, "text/plain"} {
			r := post(contentType, "")
			r.URL.Path = target
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"ID":7}` {
				t.Errorf("%s, %q: %d %s", target, contentType, w.Code, w.Body)
			}
		}
	}
}

// A defaulted has a default that its own method does not know.
type defaulted struct {
	In struct {
		A int `schema:",default:1"`
	}
}

func (*defaulted) UnmarshalJSON([]byte) error { return nil }

// A reader reads its body itself.
type reader struct {
	ID int `path:"id"`
}

func (*reader) UnmarshalJSON([]byte) error { return nil }

type textReader struct {
	time.Time
	ID int `path:"id"`
}

func TestNewChecksPlaces(t *testing.T) {
	type nested struct {
		Inner struct {
			ID int `path:"id"`
		} `json:"inner"`
	}
	type inList struct {
		Rows []struct {
			ID int `path:"id"`
		}
	}
	type plain struct {
		Rows []string `json:"rows"`
	}
	type beyond struct {
		V any `json:"v"`
	}
	type hidden struct{ *audit }
	for why, make := range map[string]func(){
		"two places": func() {
			bind.New[struct {
				A int `path:"a" query:"a"`
			}](bind.Config{})
		},
		"no name": func() {
			bind.New[struct {
				A int `path:""`
			}](bind.Config{})
		},
		"not exported": func() {
			bind.New[struct {
				a int `path:"a"`
			}](bind.Config{})
		},
		"in a struct": func() { bind.New[nested](bind.Config{}) },
		"in a list of requests": func() {
			bind.New[[]struct {
				A int `path:"a"`
			}](bind.Config{})
		},
		"in a list":                 func() { bind.New[inList](bind.Config{}) },
		"an unexported pointer":     func() { bind.New[hidden](bind.Config{}) },
		"one further down":          func() { bind.New[struct{ L []map[string]*hidden }](bind.Config{}) },
		"one in an Optional":        func() { bind.New[struct{ O bind.Optional[hidden] }](bind.Config{}) },
		"one in a list of requests": func() { bind.New[[]struct{ H hidden }](bind.Config{}) },
		"one beside a place": func() {
			bind.New[struct {
				*audit
				ID int `path:"id"`
			}](bind.Config{})
		},
		"an Optional of an Optional": func() {
			bind.New[struct {
				O bind.Optional[bind.Optional[int]]
			}](bind.Config{})
		},
		"of a pointer to one": func() {
			bind.New[struct {
				O bind.Optional[**bind.Optional[int]]
			}](bind.Config{})
		},
		"in a list, with a default": func() {
			bind.New[struct {
				O []bind.Optional[bind.Optional[int]] `schema:",default:3"`
			}](bind.Config{})
		},
		"in a header": func() {
			bind.New[struct {
				O bind.Optional[bind.Optional[int]] `header:"X-O"`
			}](bind.Config{})
		},
		"by an embedded pointer":    func() { bind.New[struct{ *Paged }](bind.Config{}) },
		"a type that embeds a time": func() { bind.New[textReader](bind.Config{}) },
		"a type with UnmarshalJSON": func() { bind.New[reader](bind.Config{}) },
		"a map in a path": func() {
			bind.New[struct {
				A map[string]string `path:"a"`
			}](bind.Config{})
		},
		"a struct in a header": func() {
			bind.New[struct {
				A struct{ B int } `header:"A"`
			}](bind.Config{})
		},
		"an any": func() {
			bind.New[struct {
				A any `query:"a"`
			}](bind.Config{})
		},
		"a channel": func() {
			bind.New[struct {
				A chan int `cookie:"a"`
			}](bind.Config{})
		},
		"a default that does not fit": func() {
			bind.New[struct {
				A int `query:"a,default:x"`
			}](bind.Config{})
		},
		"one header twice": func() {
			bind.New[struct {
				A string `header:"X-A"`
				B string `header:"x-a"`
			}](bind.Config{})
		},
		"a query that cannot be":    func() { bind.QueryFunc(func(*http.Request, beyond) (any, error) { return nil, nil }) },
		"a query that is no struct": func() { bind.QueryFunc(func(*http.Request, []string) (any, error) { return nil, nil }) },
		"a default of a struct": func() {
			bind.New[struct {
				A struct{ B int } `schema:",default:x"`
			}](bind.Config{})
		},
		"a default that does not fit its field": func() {
			bind.New[struct {
				A time.Duration `schema:",default:soon"`
			}](bind.Config{})
		},
		"a default of a field that is hidden": func() {
			bind.New[struct {
				A string `json:"-" schema:",default:x"`
			}](bind.Config{})
		},
		"of one that is not exported": func() {
			bind.New[[]struct {
				a string `schema:"a,default:x"`
			}](bind.Config{})
		},
		"of an embedded struct": func() {
			bind.New[struct {
				Extra `schema:",default:x"`
			}](bind.Config{})
		},
		"of one in a list that two have": func() {
			bind.New[struct {
				L []struct {
					A int `schema:"n,default:1" json:"n"`
					B int `schema:"n"`
				}
			}](bind.Config{})
		},
		"in the tag of another place": func() {
			bind.New[struct {
				A string `query:"a" json:"a" schema:",default:x"`
			}](bind.Config{})
		},
		"one of a list": func() {
			bind.New[struct {
				A []int `schema:",default:1|x"`
			}](bind.Config{})
		},
		"one that is no list of lists": func() {
			bind.New[struct {
				A [][]int `schema:",default:[[1],[x]]"`
			}](bind.Config{})
		},
		"deep inside": func() {
			bind.New[[]struct {
				M map[string]*struct {
					A int `schema:",default:x"`
				}
			}](bind.Config{})
		},
		"in a type that reads JSON by itself": func() { bind.New[[]defaulted](bind.Config{}) },
		"in what is read with it": func() {
			bind.New[struct {
				M map[string]bind.Optional[defaulted] `schema:"-"`
			}](bind.Config{})
		},
		"a default of an any": func() {
			bind.New[struct {
				A any `schema:",default:x"`
			}](bind.Config{})
		},
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !strings.HasPrefix(err.Error(), "bind: ") {
					t.Errorf("%s: no panic with an error: %v", why, err)
				}
			}()
			make()
		}()
	}
	bind.QueryFunc(func(*http.Request, plain) (any, error) { return nil, nil })
}

type Paged struct {
	Page int `query:"page"`
}

// A field that no form can carry is never left out: the type takes no forms.
func TestFormRefusesTypes(t *testing.T) {
	for why, do := range map[string]func(*http.Request) (string, int){
		"an any":        unsupported[struct{ V any }],
		"in a list":     unsupported[struct{ V []struct{ W []any } }],
		"a map of them": unsupported[struct{ V map[string]any }],
		"required by a tag of another package": unsupported[struct {
			V int `schema:"v,required"`
		}],
		"a name that is no key": unsupported[struct {
			V int `json:"a["`
		}],
	} {
		if got, status := do(post(formType, "v=1")); status != 415 {
			t.Errorf("%s: a form: %d %s", why, status, got)
		}
		if got, status := do(multipartOf("v=1")); status != 415 {
			t.Errorf("%s: multipart: %d %s", why, status, got)
		}
		if got, status := do(post(jsonType, "{}")); status != 200 {
			t.Errorf("%s: JSON: %d %s", why, status, got)
		}
	}
	type half struct {
		V any `json:"v" schema:"-"`
		W int `json:"w"`
	}
	if got, err := bind.Body[half](post(formType, "w=1&v=2")); err != nil || got.V != nil || got.W != 1 {
		t.Errorf("hidden from forms: %v, %v", got, err)
	}
	if _, err := bind.Query[struct{ V any }](httptest.NewRequest("GET", "/?v=1", nil)); err == nil || asStatus(err).(interface{ StatusCode() int }).StatusCode() != 500 {
		t.Errorf("a query: %v", err)
	}
	// Names that differ only in case are two names, as for encoding/json.
	//lint:ignore ST1003 the case of the name is what is tested
	type twice struct{ ID, Id int }
	if got, err := bind.Body[twice](post(formType, "ID=1&Id=2")); err != nil || got.ID != 1 || got.Id != 2 {
		t.Errorf("two names: %v, %v", got, err)
	}
}

func unsupported[T any](r *http.Request) (string, int) {
	return fields(asStatus(second(bind.New[T](bind.Config{}).Body(r))))
}

// Fields from elsewhere do not change the other fields of the struct.
func TestSourcesBesideAnything(t *testing.T) {
	type deeper struct {
		Depth int `json:"depth"`
	}
	type inside struct {
		*Extra
		deeper
		paging
		Name string `json:"name"`
	}
	type in struct {
		_ struct{}
		inside
		http.Header  `json:"header"`
		fmt.Stringer `json:"-"`
		ID           int                 `path:"id"`
		Map          map[string][]inside `json:"map" schema:"-"`
		Next         *deeper             `json:"next"`
		Zero         struct{}            `json:"zero"`
	}
	_, err := bind.Query[in](httptest.NewRequest("GET", "/", nil))
	if err == nil || !strings.Contains(err.Error(), "in.Map are tags for places") {
		t.Errorf("places in a map: %v", err)
	}
	type good struct {
		_ struct{}
		inside
		http.Header  `json:"header"`
		fmt.Stringer `json:"-"`
		private      any
		ID           int                 `path:"id"`
		Map          map[string][]deeper `json:"map"`
		Next         *deeper             `json:"next"`
		Zero         struct{}            `json:"zero"`
	}
	b := bind.New[good](bind.Config{})
	request := func(contentType, body string) *http.Request {
		r := post(contentType, body)
		r.SetPathValue("id", "7")
		r.URL.RawQuery = "page=3"
		return r
	}
	for _, r := range []*http.Request{
		request(jsonType, `{"hue":"red","depth":1,"name":"x","header":{"A":["b"]},"ID":8,"map":{"a":[{"depth":2},{"depth":3}]},"next":{"depth":4},"page":9}`),
		request(formType, `hue=red&depth=1&name=x&header[A]=b&ID=8&map[a][0][depth]=2&map[a][1][depth]=3&next.depth=4&page=9`),
	} {
		got, err := b.Body(r)
		runtime.GC()
		if err != nil || got.private != nil || got.Hue != "red" || got.Depth != 1 || got.Name != "x" || got.Get("A") != "b" ||
			got.ID != 7 || got.Map["a"][1].Depth != 3 || got.Next.Depth != 4 || got.Page != 3 || got.Stringer != nil {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
