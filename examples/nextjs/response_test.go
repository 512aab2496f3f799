package nextjs_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// res.send, by the type of its argument.
func Example_send() {
	kinds := func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("kind") {
		case "string":
			reply.Send(w, r, http.StatusOK, "<b>text</b>")
		case "object":
			reply.Send(w, r, http.StatusCreated, map[string]int{"a": 1})
		case "buffer":
			reply.Send(w, r, http.StatusOK, []byte{0, 1})
		case "stream":
			reply.Send(w, r, http.StatusOK, strings.NewReader("…"))
		default:
			reply.Send(w, r, http.StatusNoContent, nil)
		}
	}

	for _, kind := range []string{"string", "object", "buffer", "stream", "nothing"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.SetPathValue("kind", kind)
		kinds(w, r)
		fmt.Printf("%s: %d %q %q\n", kind, w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	// Output:
	// string: 200 "text/plain; charset=utf-8" "<b>text</b>"
	// object: 201 "application/json; charset=utf-8" "{\"a\":1}"
	// buffer: 200 "application/octet-stream" "\x00\x01"
	// stream: 200 "application/octet-stream" "…"
	// nothing: 204 "" ""
}

// res.writeHead, res.write and res.end are plain net/http.
func Example_writeHead() {
	report := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.WriteHeader(http.StatusOK)
		io.WriteString(w, "id,name\n")
		io.WriteString(w, "1,Ada\n")
	}

	call(http.HandlerFunc(report), "GET", "/", "", "")
	// Output:
	// GET / -> 200 id,name
	// 1,Ada
}

// Setting a cookie: a cookie that a browser would drop is an error.
func Example_setCookie() {
	login := func(w http.ResponseWriter, r *http.Request) error {
		err := errors.Join(
			cookies.Set(w, &http.Cookie{Name: "theme", Value: "dark blue", Path: "/", MaxAge: 3600}),
			cookies.Delete(w, &http.Cookie{Name: "guest", Path: "/"}),
		)
		if err != nil {
			return err
		}
		return reply.JSON(w, r, http.StatusOK, map[string]bool{"ok": true})
	}

	w := httptest.NewRecorder()
	reply.HandlerFunc(login).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	for _, line := range w.Header().Values("Set-Cookie") {
		fmt.Println(line)
	}
	// Output:
	// theme=dark%20blue; Path=/; Max-Age=3600
	// guest=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT
}

// res.redirect, and three cases that need another call.
func Example_redirect() {
	mux := http.NewServeMux()

	mux.HandleFunc("GET /old", func(w http.ResponseWriter, r *http.Request) {
		redirect.To(w, r, "/new") // 307
	})
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) {
		redirect.Code(w, r, http.StatusPermanentRedirect, "/here") // 308
	})
	mux.HandleFunc("POST /form", func(w http.ResponseWriter, r *http.Request) {
		redirect.Code(w, r, http.StatusSeeOther, "/thanks") // 303: the browser does not post again
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		redirect.Local(w, r, r.URL.Query().Get("next"), "/") // 303, only to this site
	})

	for _, target := range []string{"GET /old", "GET /moved", "POST /form", "POST /login?next=/account", "POST /login?next=//evil.example"} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		fmt.Println(target, "->", w.Code, w.Header().Get("Location"))
	}
	// Output:
	// GET /old -> 307 /new
	// GET /moved -> 308 /here
	// POST /form -> 303 /thanks
	// POST /login?next=/account -> 303 /account
	// POST /login?next=//evil.example -> 303 /
}

// try and catch: the client gets the message, the log has the cause.
func Example_failure() {
	load := func() (any, error) { return nil, errors.New("dial tcp 10.0.0.7:5432: connection refused") }

	handler := func(w http.ResponseWriter, r *http.Request) error {
		result, err := load()
		if err != nil {
			return reply.NewError(http.StatusInternalServerError, "failed to load data").WithCause(err)
		}
		return reply.JSON(w, r, http.StatusOK, result)
	}

	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the cause goes to the log
	call(reply.HandlerFunc(handler), "GET", "/", "", "")
	// Output:
	// GET / -> 500 {"title":"Internal Server Error","status":500,"detail":"failed to load data"}
}

// The editor's route enables draft mode, pages check it, another route disables it.
func Example_draftMode() {
	key := []byte("32 random bytes from a secret...")
	mux := http.NewServeMux()

	draft := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key}})
	mux.HandleFunc("POST /api/draft", func(w http.ResponseWriter, r *http.Request) {
		if err := draft.Enable(w, r, time.Hour); err != nil {
			reply.Problem(w, r, err)
			return
		}
		redirect.Code(w, r, http.StatusSeeOther, "/blog")
	})
	mux.HandleFunc("POST /api/preview", func(w http.ResponseWriter, r *http.Request) {
		if err := draft.SetPreview(w, map[string]int{"revision": 7}, time.Hour); err != nil {
			reply.Problem(w, r, err)
			return
		}
		redirect.Code(w, r, http.StatusSeeOther, "/blog")
	})
	mux.HandleFunc("POST /api/leave", func(w http.ResponseWriter, r *http.Request) {
		if err := draft.Disable(w); err != nil {
			reply.Problem(w, r, err)
			return
		}
		redirect.Code(w, r, http.StatusSeeOther, "/blog")
	})
	mux.HandleFunc("GET /blog", func(w http.ResponseWriter, r *http.Request) {
		var preview struct{ Revision int }
		_, err := draft.Preview(r, &preview)
		if err != nil {
			reply.Problem(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "private, no-store")
		reply.JSON(w, r, http.StatusOK, map[string]any{"draft": draft.Enabled(r), "revision": preview.Revision})
	})

	browser := newBrowser(mux)
	browser.send("GET", "/blog")
	for _, path := range []string{"/api/draft", "/api/preview", "/api/leave"} {
		browser.send("POST", path)
		browser.send("GET", "/blog")
	}
	// Output:
	// GET /blog -> 200 {"draft":false,"revision":0}
	// POST /api/draft -> 303 /blog
	// GET /blog -> 200 {"draft":true,"revision":0}
	// POST /api/preview -> 303 /blog
	// GET /blog -> 200 {"draft":true,"revision":7}
	// POST /api/leave -> 303 /blog
	// GET /blog -> 200 {"draft":false,"revision":0}
}

// A page that is cached for all clients, and rendered for each request of an editor.
func Example_draftAndCache() {
	key := []byte("32 random bytes from a secret...")
	draft := cookies.NewDraft(cookies.DraftConfig{Keys: [][]byte{key}})
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute, Public: true}})
	mux := http.NewServeMux()
	mux.Handle("POST /api/draft", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := draft.Enable(w, r, time.Hour); err != nil {
			return err
		}
		return redirect.Code(w, r, http.StatusSeeOther, "/blog/1")
	}))
	title := "Hello"
	post := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, title)
	})

	published := pages.Middleware(post)
	mux.HandleFunc("GET /blog/{id}", func(w http.ResponseWriter, r *http.Request) {
		if draft.Enabled(r) {
			w.Header().Set("Cache-Control", "private, no-store") // so that other caches do not store it
			post.ServeHTTP(w, r)
			return
		}
		published.ServeHTTP(w, r)
	})

	reader, editor := newBrowser(mux), newBrowser(mux)
	reader.send("GET", "/blog/1")
	title = "Hello again"
	editor.send("POST", "/api/draft")
	editor.send("GET", "/blog/1")
	reader.send("GET", "/blog/1")
	// Output:
	// GET /blog/1 -> 200 Hello
	// POST /api/draft -> 303 /blog/1
	// GET /blog/1 -> 200 Hello again
	// GET /blog/1 -> 200 Hello
}

// Incremental regeneration, and res.revalidate.
func Example_revalidate() {
	title := "Hello"
	mux := http.NewServeMux()

	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour, Public: true}, // revalidate: 60
		Origin:   mux,
		Host:     "example.com", // empty is the host that asked for the page last
	})
	mux.Handle("GET /blog/{id}", pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "posts")
		reply.Send(w, r, http.StatusOK, title)
	})))
	mux.Handle("POST /api/revalidate", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := pages.Revalidate(r.Context(), "/blog/1"); err != nil {
			return err // the old response stays
		}
		return reply.JSON(w, r, http.StatusOK, map[string]bool{"revalidated": true})
	}))
	mux.Handle("POST /api/revalidate-all", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if err := pages.InvalidateTag(r.Context(), "posts"); err != nil {
			return err
		}
		return reply.JSON(w, r, http.StatusOK, map[string]bool{"revalidated": true})
	}))

	call(mux, "GET", "/blog/1", "", "")
	title = "Hello again"
	call(mux, "GET", "/blog/1", "", "")
	call(mux, "POST", "/api/revalidate", "", "")
	call(mux, "GET", "/blog/1", "", "")
	title = "Good bye"
	call(mux, "POST", "/api/revalidate-all", "", "")
	call(mux, "GET", "/blog/1", "", "")
	// Output:
	// GET /blog/1 -> 200 Hello
	// GET /blog/1 -> 200 Hello
	// POST /api/revalidate -> 200 {"revalidated":true}
	// GET /blog/1 -> 200 Hello again
	// POST /api/revalidate-all -> 200 {"revalidated":true}
	// GET /blog/1 -> 200 Good bye
}

// The cache around all routes, which need it themselves.
func Example_revalidateRoutes() {
	title := "Hello"

	pages := cache.New(cache.Config{Host: "example.com"})
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/blog/[id]": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour, Public: true})
			reply.Send(w, r, http.StatusOK, title)
		}),
		"/api/revalidate": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return pages.Revalidate(r.Context(), "/blog/1")
		}),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &http.Server{Handler: pages.Middleware(routes)}

	call(server.Handler, "GET", "/blog/1", "", "")
	title = "Hello again"
	call(server.Handler, "GET", "/blog/1", "", "")
	call(server.Handler, "POST", "/api/revalidate", "", "")
	call(server.Handler, "GET", "/blog/1", "", "")
	// Output:
	// GET /blog/1 -> 200 Hello
	// GET /blog/1 -> 200 Hello
	// POST /api/revalidate -> 200
	// GET /blog/1 -> 200 Hello again
}

// A browser keeps cookies between its requests.
type browser struct {
	site http.Handler
	jar  http.CookieJar
}

func newBrowser(site http.Handler) browser {
	jar, _ := cookiejar.New(nil) // there is no error without options
	return browser{site, jar}
}

func (b browser) send(method, path string) {
	site := &url.URL{Scheme: "https", Host: "example.com", Path: path}
	r := httptest.NewRequest(method, path, nil)
	for _, c := range b.jar.Cookies(site) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	b.jar.SetCookies(site, w.Result().Cookies())
	fmt.Println(method, path, "->", w.Code, w.Body)
}
