package pattern_test

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
)

func Example() {
	show := func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.URL.Path, "is", r.Pattern, pattern.Query(r))
	}
	h, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/create":      http.HandlerFunc(show),
		"/api/post/[pid]":       http.HandlerFunc(show),
		"/api/post/[...slug]":   http.HandlerFunc(show),
		"/api/docs/[[...slug]]": http.HandlerFunc(show),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {}) // routes of the service itself
	h.Register(mux)

	for _, path := range []string{"/api/post/create", "/api/post/7?draft=1", "/api/post/2024/05", "/api/docs"} {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	// Output:
	// /api/post/create is /api/post/create map[]
	// /api/post/7 is /api/post/[pid] map[draft:[1] pid:[7]]
	// /api/post/2024/05 is /api/post/[...slug] map[slug:[2024 05]]
	// /api/docs is /api/docs/[[...slug]] map[]
}

func ExamplePattern() {
	p := pattern.MustParse("/files/[owner]/[...path]")

	params, err := p.Match("/files/ann/2024/a%2Fb.txt")
	owner, path := params.Get("owner"), []string(nil)
	path, _ = params.Lookup("path")
	fmt.Printf("%s %q %v\n", owner, path, err)

	url, err := p.Build(map[string][]string{"owner": {"ann"}, "path": {"2024", "a/b.txt"}})
	fmt.Println(url, err)

	_, err = p.Build(map[string][]string{"owner": {"ann"}})
	fmt.Println(err)
	// Output:
	// ann ["2024" "a/b.txt"] <nil>
	// /files/ann/2024/a%2Fb.txt <nil>
	// pattern: building /files/[owner]/[...path]: "path" is missing
}

func ExamplePattern_ServeMux() {
	for _, s := range []string{"/post/[id]", "/docs/[[...path]]", "/post/[post-id]"} {
		patterns, err := pattern.MustParse(s).ServeMux()
		fmt.Println(patterns, err)
	}
	// Output:
	// [/post/{id}] <nil>
	// [/docs /docs/{path...}] <nil>
	// [] pattern: ServeMux cannot match /post/[post-id]: the name "post-id" is not a Go identifier
}

func ExampleSort() {
	order, _ := pattern.Sort([]string{"/post/[...slug]", "/post/[pid]", "/post/create"})
	fmt.Println(order)

	_, err := pattern.Sort([]string{"/[user]/posts", "/[id]/posts", "/a/[[...x]]", "/a"})
	fmt.Println(err)
	var conflict *pattern.ConflictError
	fmt.Println(errors.As(err, &conflict), conflict.Category)
	// Output:
	// [/post/create /post/[pid] /post/[...slug]]
	// pattern: /[id]/posts conflicts with /[user]/posts: parameters at the same position need the same name; both match "/x/posts"
	// pattern: /a conflicts with /a/[[...x]]: the optional catch-all matches that path too, with the same precedence; both match "/a"
	// true different-slug-names
}

func ExampleTable() {
	table, err := pattern.NewTable(map[string]string{
		"/":            "home",
		"/[lang]/docs": "documentation",
		"/en/blog":     "blog",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := table.Match("/en/docs") // /en/blog does not hide it
	fmt.Println(m.Value, m.Params.Get("lang"), err)
	_, err = table.Match("/en/news")
	fmt.Println(err)
	// Output:
	// documentation en <nil>
	// pattern: no match
}

// A table is immutable. To change routes while a service runs, make a new table
// and swap the pointer.
func ExampleTable_swap() {
	var current atomic.Pointer[pattern.Table[string]]
	publish := func(routes map[string]string) error {
		table, err := pattern.NewTable(routes)
		if err == nil {
			current.Store(table)
		}
		return err
	}
	_ = publish(map[string]string{"/[page]": "v1"})
	m, _ := current.Load().Match("/about")
	fmt.Println(m.Value)
	_ = publish(map[string]string{"/[page]": "v1", "/about": "v2"})
	m, _ = current.Load().Match("/about")
	fmt.Println(m.Value)
	// Output:
	// v1
	// v2
}

func ExampleValues() {
	mux := http.NewServeMux()
	mux.HandleFunc("/files/{path...}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Printf("%q %q\n", r.PathValue("path"), pattern.Values(r, "path"))
	})
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/files/a%2Fb/c", nil))
	// Output:
	// "a/b/c" ["a/b" "c"]
}

func ExampleFromFile() {
	for _, name := range []string{"pages/api/post/[pid].ts", "src/app/(shop)/api/cart/route.ts", "pages/about.tsx"} {
		p, err := pattern.FromFile(name)
		fmt.Println(p, err)
	}
	// Output:
	// /api/post/[pid] <nil>
	// /api/cart <nil>
	//  pattern: pages/about.tsx is no API route: a page, outside pages/api
}

func ExampleWalk() {
	list := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts/[id]": middleware.Recover(nil)(list),
		"/api/posts":      middleware.New(middleware.Config{})(middleware.Methods{"GET": list, "POST": list}),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for e := range pattern.Walk(routes) {
		fmt.Println(cmp.Or(e.Method, "any"), e.Pattern)
	}
	// Output:
	// GET /api/posts
	// POST /api/posts
	// any /api/posts/[id]
}
