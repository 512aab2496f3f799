package nextjs_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing/fstest"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/pattern/nextfs"
	"github.com/apiece/apiece/reply"
)

// The files of a pages/api folder, one of each kind, and their routes.
func Example_files() {
	for _, file := range []string{
		"pages/api/index.ts",
		"pages/api/user.js",
		"pages/api/users/index.ts",
		"pages/api/post/[pid].ts",
		"pages/api/post/[...slug].ts",
		"pages/api/docs/[[...slug]].ts",
		"app/api/todos/[id]/route.ts",
		"src/app/(shop)/api/cart/route.ts",
	} {
		route, err := pattern.FromFile(file)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(file, "->", route)
	}
	// Output:
	// pages/api/index.ts -> /api
	// pages/api/user.js -> /api/user
	// pages/api/users/index.ts -> /api/users
	// pages/api/post/[pid].ts -> /api/post/[pid]
	// pages/api/post/[...slug].ts -> /api/post/[...slug]
	// pages/api/docs/[[...slug]].ts -> /api/docs/[[...slug]]
	// app/api/todos/[id]/route.ts -> /api/todos/[id]
	// src/app/(shop)/api/cart/route.ts -> /api/cart
}

// An optional catch-all matches with and without a value, and the query string cannot set its name.
func Example_optionalCatchAll() {
	mux := http.NewServeMux()

	docs := func(w http.ResponseWriter, r *http.Request) {
		reply.JSON(w, r, http.StatusOK, pattern.Query(r))
	}
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/docs/[[...slug]]": http.HandlerFunc(docs),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	routes.Register(mux)

	call(mux, "GET", "/api/docs", "", "")
	call(mux, "GET", "/api/docs/a", "", "")
	call(mux, "GET", "/api/docs/a%2Fb/c?x=1", "", "")
	call(mux, "GET", "/api/docs?slug=x", "", "")
	// Output:
	// GET /api/docs -> 200 {}
	// GET /api/docs/a -> 200 {"slug":["a"]}
	// GET /api/docs/a%2Fb/c?x=1 -> 200 {"slug":["a/b","c"],"x":["1"]}
	// GET /api/docs?slug=x -> 200 {}
}

// You can also register a pattern on http.ServeMux directly, unless two overlap in a
// way that ServeMux rejects.
func Example_withoutTable() {
	mux := http.NewServeMux()
	post := func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "Post: "+pattern.Query(r).Get("pid"))
	}

	mux.HandleFunc("GET /api/post/{pid}", post)

	call(mux, "GET", "/api/post/abc?pid=x", "", "")
	// Output:
	// GET /api/post/abc?pid=x -> 200 Post: abc
}

// The kit's routes beside other routes of a service. Here "/" is a single page.
// ServeMux rejects a subtree with a method, "GET /", beside "/api/": the last lines
// show its panic.
func Example_muxConflict() {
	posts, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "Post: "+r.PathValue("pid"))
		}),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	home := func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, http.StatusOK, "home") }

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", home) // or "/", without a method
	posts.Register(mux)

	call(mux, "GET", "/", "", "")
	call(mux, "GET", "/api/post/1", "", "")

	defer func() {
		text := fmt.Sprint(recover())
		_, text, _ = strings.Cut(text, "conflicts with ")
		fmt.Println(strings.Contains(text, "more methods than GET /, but has a more specific path pattern"))
	}()
	mux = http.NewServeMux()
	mux.HandleFunc("GET /", home)
	posts.Register(mux)
	// Output:
	// GET / -> 200 home
	// GET /api/post/1 -> 200 Post: 1
	// true
}

// Two routes that overlap, neither more specific, are legal in Next.js, where the
// first segment that differs decides. ServeMux panics.
func Example_overlap() {
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, http.StatusOK, s) })
	}
	first, second := text("first"), text("second")

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/[a]/x": first,
		"/api/y/[b]": second,
	}, pattern.HandlerConfig{})

	if err != nil {
		fmt.Println(err)
		return
	}
	call(routes, "GET", "/api/a/x", "", "")
	call(routes, "GET", "/api/y/x", "", "")

	defer func() {
		fmt.Println(strings.Contains(fmt.Sprint(recover()), "both match some paths"))
	}()
	mux := http.NewServeMux()
	mux.Handle("/api/{a}/x", first)
	mux.Handle("/api/y/{b}", second)
	// Output:
	// GET /api/a/x -> 200 first
	// GET /api/y/x -> 200 second
	// true
}

// The methods of a pages/api handler that checks req.method.
func Example_methods() {
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, http.StatusOK, s) })
	}
	list, create := text("the list"), text("created")

	handler := middleware.Methods{"GET": list, "POST": create}

	for _, method := range []string{"GET", "POST", "OPTIONS", "DELETE"} {
		call(handler, method, "/api/posts", "", "")
	}
	// Output:
	// GET /api/posts -> 200 the list
	// POST /api/posts -> 200 created
	// OPTIONS /api/posts -> 204
	// DELETE /api/posts -> 405 {"title":"Method Not Allowed","status":405,"detail":"The methods of this resource are GET, HEAD, OPTIONS, POST"}
}

// A test that lists the routes left to port.
func Example_left() {
	web := fstest.MapFS{ // os.DirFS("../web")
		"pages/api/post/[pid].ts":    {},
		"pages/api/post/create.ts":   {},
		"app/api/todos/route.ts":     {Data: []byte("export async function GET() {}\nexport async function POST() {}")},
		"app/api/todos/page.test.ts": {},
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/create": handler,
		"/api/todos":       middleware.Methods{"GET": handler},
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var t todo // a *testing.T

	nextfs.Check(t, web, routes)
	// Output:
	// nextfs: 2 of 3 routes are ported
	// nextfs: the handlers are not those of the Next.js project:
	// 	/api/post/[pid] has no handler: pages/api/post/[pid].ts
	// 	/api/todos has no handler of POST: app/api/todos/route.ts
}

// The same while the old server handles the remaining routes.
func Example_partly() {
	web := fstest.MapFS{ // os.DirFS("../web")
		"pages/api/post/[pid].ts":  {},
		"pages/api/post/create.ts": {},
		"app/api/todos/route.ts":   {Data: []byte("export async function GET() {}\nexport async function POST() {}")},
		"app/api/users/route.ts":   {Data: []byte("export async function GET() {}")},
	}
	toNext, post, list := http.NotFoundHandler(), http.NotFoundHandler(), http.NotFoundHandler()
	var t todo // a *testing.T

	old := nextfs.Old(toNext)
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": post,
		"/api/todos":      middleware.Methods{"GET": list, "POST": old},
	}, pattern.HandlerConfig{NotFound: old})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web, routes)

	all, err := nextfs.Baseline(web, toNext)
	if err != nil {
		fmt.Println(err)
		return
	}
	all["/api/post/[pid]"] = post

	routes, err = pattern.NewHandler(all, pattern.HandlerConfig{NotFound: toNext})
	if err != nil {
		fmt.Println(err)
		return
	}
	nextfs.Check(t, web, routes)
	// Output:
	// nextfs: 2 of 4 routes are ported, 1 of them in part
	// nextfs: requests reach the handler of another route than in the Next.js project:
	// 	/api/post/create is answered by the handler of /api/post/[pid]: pages/api/post/create.ts
	// nextfs: 1 of 4 routes are ported
}
