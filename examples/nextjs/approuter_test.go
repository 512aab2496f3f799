package nextjs_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// app/api/todos/[id]/route.ts with two exports, params and notFound().
func Example_routeHandler() {
	type Todo struct {
		ID   string `json:"id"`
		Text string `json:"text" validate:"required"`
	}
	todos := map[string]Todo{"1": {"1", "port this route"}}

	todo := middleware.Methods{
		"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			t, ok := todos[r.PathValue("id")]
			if !ok {
				return reply.NewError(http.StatusNotFound, "")
			}
			return reply.JSON(w, r, http.StatusOK, t)
		}),
		"PUT": bind.Func(func(r *http.Request, t Todo) (Todo, error) {
			t.ID = r.PathValue("id")
			todos[t.ID] = t
			return t, nil
		}),
	}
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/todos/[id]": todo,
	}, pattern.HandlerConfig{})

	if err != nil {
		fmt.Println(err)
		return
	}
	call(routes, "GET", "/api/todos/1", "", "")
	call(routes, "PUT", "/api/todos/1", jsonType, `{"text":"ported"}`)
	call(routes, "GET", "/api/todos/2", "", "")
	call(routes, "DELETE", "/api/todos/1", "", "")
	// Output:
	// GET /api/todos/1 -> 200 {"id":"1","text":"port this route"}
	// PUT /api/todos/1 -> 200 {"id":"1","text":"ported"}
	// GET /api/todos/2 -> 404 {"title":"Not Found","status":404}
	// DELETE /api/todos/1 -> 405 {"title":"Method Not Allowed","status":405,"detail":"The methods of this resource are GET, HEAD, OPTIONS, PUT"}
}

// The request of a route handler: request.json(), text(), nextUrl.searchParams,
// cookies() and headers().
func Example_webRequest() {
	post := func(w http.ResponseWriter, r *http.Request) error {
		var in struct{ Prompt string }
		body, _ := bodyparser.From(r)
		if err := body.Decode(&in); err != nil { // await request.json()
			return err
		}
		text := body.Text()                         // await request.text()
		page := r.URL.Query().Get("page")           // request.nextUrl.searchParams.get('page')
		theme, _ := cookies.Lookup(r, "theme")      // (await cookies()).get('theme')?.value
		token := r.Header.Get("Authorization")      // (await headers()).get('authorization')
		w.Header().Set("X-Request-Length", "short") // new Response(…, { headers })
		return reply.JSON(w, r, http.StatusOK, []any{in.Prompt, len(text), page, theme, token})
	}

	h := bodyparser.New(bodyparser.Config{})(reply.HandlerFunc(post))
	r := httptest.NewRequest("POST", "/api/chat?page=2", strings.NewReader(`{"prompt":"hi"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "theme=dark")
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// ["hi",15,"2","dark","Bearer x"]
}

// request.formData(): fields, and files, which are streamed.
func Example_formData() {
	avatar := func(w http.ResponseWriter, r *http.Request) error {
		var size int64
		fields, err := upload.Form(w, r, upload.Config{FileLimit: 2 * bytesize.MB}, func(file *upload.Part) error {
			n, err := io.Copy(io.Discard, file) // or file.SaveAs(path)
			size += n
			return err
		})
		if err != nil {
			return err
		}
		return reply.JSON(w, r, http.StatusOK, map[string]any{"name": fields.Get("name"), "bytes": size})
	}

	form := strings.ReplaceAll(`--x
Content-Disposition: form-data; name="name"

Ada
--x
Content-Disposition: form-data; name="file"; filename="a.png"

12345
--x--
`, "\n", "\r\n")
	call(reply.HandlerFunc(avatar), "POST", "/api/avatar", "multipart/form-data; boundary=x", form)
	// Output:
	// POST /api/avatar -> 200 {"bytes":5,"name":"Ada"}
}

// The response of a route handler.
func Example_webResponse() {
	mux := http.NewServeMux()

	mux.HandleFunc("GET /api/json", func(w http.ResponseWriter, r *http.Request) {
		reply.JSON(w, r, http.StatusCreated, map[string]int{"id": 7}) // NextResponse.json({ id: 7 }, { status: 201 })
	})
	mux.HandleFunc("GET /api/text", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusUnauthorized, "Unauthorized") // new Response('Unauthorized', { status: 401 })
	})
	mux.HandleFunc("GET /api/empty", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusNoContent, nil) // new Response(null, { status: 204 })
	})
	mux.HandleFunc("GET /api/away", func(w http.ResponseWriter, r *http.Request) {
		redirect.To(w, r, "/login") // redirect('/login')
	})
	mux.Handle("GET /api/none", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.NewError(http.StatusNotFound, "") // notFound()
	}))

	for _, path := range []string{"/api/json", "/api/text", "/api/empty", "/api/away", "/api/none"} {
		call(mux, "GET", path, "", "")
	}
	// Output:
	// GET /api/json -> 201 {"id":7}
	// GET /api/text -> 401 Unauthorized
	// GET /api/empty -> 204
	// GET /api/away -> 307 /login
	// GET /api/none -> 404 {"title":"Not Found","status":404}
}

// after(): work after the response. The process has to wait for it before it exits,
// and no middleware recovers a panic in it.
func Example_after() {
	var after sync.WaitGroup

	handler := func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithoutCancel(r.Context()) // the request's context ends with it
		after.Go(func() { record(ctx, "ordered") })
		reply.JSON(w, r, http.StatusAccepted, map[string]bool{"accepted": true})
	}

	call(http.HandlerFunc(handler), "POST", "/api/order", "", "")
	after.Wait() // after the server has shut down
	// Unordered output:
	// POST /api/order -> 202 {"accepted":true}
	// recorded: ordered
}

func record(_ context.Context, what string) { fmt.Println("recorded:", what) }

// middleware.ts, or proxy.ts: redirects clients that are not signed in to the login,
// and passes the user to the handlers. The chain is mounted on the routes of the
// matcher.
func Example_proxy() {
	key := []byte("32 random bytes from a secret...")
	mux := http.NewServeMux()

	type userKey struct{}
	session := cookies.NewSigner(key)
	signedIn := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, ok := session.Lookup(r, "session")
			if !ok {
				redirect.To(w, r, "/login") // NextResponse.redirect(new URL('/login', request.url))
				return
			}
			w.Header().Set("X-Frame-Options", "DENY") // response.headers.set('x-frame-options', 'DENY')
			ctx := context.WithValue(r.Context(), userKey{}, user)
			next.ServeHTTP(w, r.WithContext(ctx)) // NextResponse.next({ request: … })
		})
	}
	members := alice.New(middleware.Recover(nil), signedIn)

	account := func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "Hello, "+r.Context().Value(userKey{}).(string))
	}
	mux.Handle("GET /account", members.ThenFunc(account)) // matcher: ['/account', '/me']
	mux.Handle("GET /me", members.ThenFunc(account))      // NextResponse.rewrite(new URL('/account', request.url))

	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := session.Set(w, &http.Cookie{Name: "session", Value: "Ada", Path: "/"}); err != nil {
			reply.Problem(w, r, err)
			return
		}
		redirect.Local(w, r, "/account", "/")
	})
	browser := newBrowser(mux)
	browser.send("GET", "/account")
	browser.send("POST", "/login")
	browser.send("GET", "/account")
	browser.send("GET", "/me")
	// Output:
	// GET /account -> 307 /login
	// POST /login -> 303 /account
	// GET /account -> 200 Hello, Ada
	// GET /me -> 200 Hello, Ada
}

// Route by route: ported routes run here, the rest on the old server.
func Example_strangler() {
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the old server has %s %s", r.Method, r.URL)
	}))
	defer old.Close()
	defer http.DefaultClient.CloseIdleConnections()
	next, err := url.Parse(old.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	post := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, http.StatusOK, "Post: "+r.PathValue("pid"))
	})
	config := middleware.Config{}

	toNext := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(next)
		pr.Out.Host = pr.In.Host
		pr.SetXForwarded()
	}}
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": middleware.Methods{
			"GET":  middleware.New(config)(post),
			"POST": toNext, // not ported yet
		},
		"/api/post/create": toNext, // not ported; listed so that [pid] does not match it
	}, pattern.HandlerConfig{NotFound: toNext, TrailingSlash: pattern.RedirectToBare})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: routes}

	call(server.Handler, "GET", "/api/post/1", "", "")
	call(server.Handler, "POST", "/api/post/1", "", "")
	call(server.Handler, "GET", "/api/post/create", "", "")
	call(server.Handler, "GET", "/blog?page=2", "", "")
	// Output:
	// GET /api/post/1 -> 200 Post: 1
	// POST /api/post/1 -> 200 the old server has POST /api/post/1
	// GET /api/post/create -> 200 the old server has GET /api/post/create
	// GET /blog?page=2 -> 200 the old server has GET /blog?page=2
}
