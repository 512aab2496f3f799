package apiece_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// call sends one request to a service and prints the response.
func call(h http.Handler, method, path, contentType, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(strings.TrimSpace(fmt.Sprintln(method, path, "->", w.Code, w.Body)))
}

const (
	jsonType = "application/json"
	formType = "application/x-www-form-urlencoded"
)

// A new service: alice chains around handlers, on the ServeMux of net/http.
func Example_service() {
	type user struct {
		Name  string `json:"name" validate:"required"`
		Email string `json:"email" validate:"required,email"`
	}
	api := alice.New(
		middleware.Recover(nil),
		middleware.ResponseLimit(4*bytesize.MB),
		middleware.Timeout(5*time.Second),
		bodyparser.New(bodyparser.Config{Limit: 100 * bytesize.KB}),
	)
	mux := http.NewServeMux()
	mux.Handle("GET /api/hello", api.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		reply.JSON(w, r, http.StatusOK, map[string]string{"message": "Hello"})
	}))
	mux.Handle("POST /api/users", api.Then(bind.Handler(func(w http.ResponseWriter, r *http.Request, u user) error {
		return reply.JSON(w, r, http.StatusCreated, u)
	})))

	call(mux, "GET", "/api/hello", "", "")
	call(mux, "POST", "/api/users", jsonType, `{"name":"Ada","email":"ada@example.com"}`)
	call(mux, "POST", "/api/users", jsonType, `{"name":"Ada","email":"nowhere"}`)
	// Output:
	// GET /api/hello -> 200 {"message":"Hello"}
	// POST /api/users -> 201 {"name":"Ada","email":"ada@example.com"}
	// POST /api/users -> 422 {"title":"Unprocessable Entity","status":422,"detail":"email must be an email address","errors":[{"path":"/email","rule":"email","message":"must be an email address"}]}
}

// The three files with which the Next.js documentation explains precedence, as
// routes of a Go service:
//
//	pages/api/post/create.js
//	pages/api/post/[pid].js
//	pages/api/post/[...slug].js
func Example_routes() {
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/create": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "create")
		}),
		"/api/post/[pid]": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "Post: "+r.PathValue("pid"))
		}),
		"/api/post/[...slug]": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "Post: "+strings.Join(pattern.Values(r, "slug"), ", "))
		}),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	routes.Register(mux)

	call(mux, "GET", "/api/post/create", "", "")
	call(mux, "GET", "/api/post/abc", "", "")
	call(mux, "GET", "/api/post/a/b/c", "", "")
	// Output:
	// GET /api/post/create -> 200 create
	// GET /api/post/abc -> 200 Post: abc
	// GET /api/post/a/b/c -> 200 Post: a, b, c
}

// One Next.js file, line by line:
//
//	export const config = { api: { bodyParser: { sizeLimit: '1mb' } }, maxDuration: 5 }
//
//	export default async function handler(req, res) {
//	  const { name, message } = req.body
//	  try {
//	    await handleFormInputAsync({ name, message })
//	    res.redirect(307, '/')
//	  } catch (err) {
//	    res.status(500).send({ error: 'Failed to fetch data' })
//	  }
//	}
//
// The redirect is 303 here: with 307 the browser would post the form again.
func Example_port() {
	type form struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	var saved []string
	handleFormInput := func(name, message string) error {
		if name == "nobody" {
			return errors.New("pq: connection refused")
		}
		saved = append(saved, name+": "+message)
		return nil
	}
	handler := func(w http.ResponseWriter, r *http.Request) error {
		in, err := bind.Body[form](r)
		if err != nil {
			return err
		}
		if err := handleFormInput(in.Name, in.Message); err != nil {
			return reply.NewError(http.StatusInternalServerError, "Failed to fetch data").WithCause(err)
		}
		return redirect.Code(w, r, http.StatusSeeOther, "/")
	}
	config := middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 1 * bytesize.MB},
		MaxDuration: 5 * time.Second,
	}
	mux := http.NewServeMux()
	mux.Handle("/api/contact", middleware.New(config)(reply.HandlerFunc(handler)))

	call(mux, "POST", "/api/contact", formType, "name=Ada&message=Hi")
	call(mux, "POST", "/api/contact", jsonType, `{"name":"Ada","message":"Hi again"}`)
	fmt.Println(saved)

	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where the cause goes
	call(mux, "POST", "/api/contact", formType, "name=nobody&message=Hi")
	// Output:
	// POST /api/contact -> 303 /
	// POST /api/contact -> 303 /
	// [Ada: Hi Ada: Hi again]
	// POST /api/contact -> 500 {"title":"Internal Server Error","status":500,"detail":"Failed to fetch data"}
}

// All pieces respond to errors in the same way, and one hook changes that for
// the whole chain: here to the format that the clients of a ported service
// expect.
func Example_errors() {
	asObject := reply.ErrorJSON(func(e *reply.Error) any {
		return map[string]string{"error": e.PublicMessage()}
	})
	find := func(w http.ResponseWriter, r *http.Request) error {
		switch r.PathValue("id") {
		case "1":
			return reply.Send(w, r, http.StatusOK, "found")
		case "2":
			return fmt.Errorf("loading: %w", errors.New("disk on fire"))
		case "3":
			<-r.Context().Done() // too slow
			return context.Cause(r.Context())
		}
		return reply.NewError(http.StatusNotFound, "No such item")
	}
	chain := middleware.Chain(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10},
		MaxDuration: 500 * time.Millisecond,
		OnError:     asObject,
		Logger:      slog.New(slog.DiscardHandler),
	})
	mux := http.NewServeMux()
	mux.Handle("/items/{id}", chain.Then(reply.HandlerFunc(find)))

	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where "disk on fire" goes
	call(mux, "GET", "/items/1", "", "")
	call(mux, "GET", "/items/2", "", "")
	call(mux, "GET", "/items/3", "", "")
	call(mux, "GET", "/items/4", "", "")
	call(mux, "POST", "/items/1", jsonType, `{"too":"long"}`)
	// Output:
	// GET /items/1 -> 200 found
	// GET /items/2 -> 500 {"error":"Internal Server Error"}
	// GET /items/3 -> 504 {"error":"Gateway Timeout"}
	// GET /items/4 -> 404 {"error":"No such item"}
	// POST /items/1 -> 413 {"error":"Body exceeded 10b limit"}
}
