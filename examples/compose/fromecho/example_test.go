package fromecho_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/fromecho"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

type user struct {
	Name string `json:"name" validate:"required,max=40"`
}

// call sends a request and prints the response.
func call(h http.Handler, method, path, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

// Pass the writer and the request of echo to the functions of the kit, and return
// their errors like those of echo.
func Example_inside() {
	e := echo.New()
	e.HTTPErrorHandler = fromecho.ErrorHandler
	e.Use(fromecho.Middleware(bodyparser.New(bodyparser.Config{})))
	e.POST("/users", func(c *echo.Context) error {
		in, err := bind.Body[user](c.Request())
		if err != nil {
			return err
		}
		return c.JSON(http.StatusCreated, in)
	})
	call(e, "POST", "/users", `{"name":"Ada"}`)
	call(e, "POST", "/users", `{"name":""}`)
	// Output:
	// 201 {"name":"Ada"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"name is required","errors":[{"path":"/name","rule":"required","message":"is required"}]}
}

// A handler of the kit on a route of echo.
func Example_handler() {
	type renaming struct {
		ID   string `path:"id"`
		Name string `json:"name" validate:"required,max=40"`
	}
	rename := func(r *http.Request, in renaming) (string, error) {
		return in.ID + " is " + in.Name, nil
	}

	e := echo.New()
	e.PUT("/users/:id", echo.WrapHandler(bind.Func(rename)))
	call(e, "PUT", "/users/7", `{"name":"Ada"}`)
	// Output:
	// 200 "7 is Ada"
}

// A piece for a group of routes.
func ExampleMiddleware() {
	e := echo.New()
	api := e.Group("/api")
	api.Use(fromecho.Middleware(bodyparser.New(bodyparser.Config{Limit: 100 * bytesize.B})))
	api.POST("/notes", func(c *echo.Context) error {
		body, _ := bodyparser.From(c.Request())
		return c.String(http.StatusOK, fmt.Sprint(len(body.Bytes()), " bytes"))
	})
	call(e, "POST", "/api/notes", `{"text":"short"}`)
	call(e, "POST", "/api/notes", `{"text":"`+strings.Repeat("long ", 20)+`"}`)
	// Output:
	// 200 16 bytes
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 100b limit"}
}

// Every piece around echo as a whole.
func Example_around() {
	e := echo.New()
	e.GET("/boom", func(c *echo.Context) error { panic("on purpose") })
	service := middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Raw: true}, // echo reads the bodies
		MaxDuration: 5 * time.Second,
		Logger:      quiet,
	})(e)
	call(service, "GET", "/boom", "")
	// Output:
	// 500 {"title":"Internal Server Error","status":500}
}

// Moved routes are on the mux, all others stay with echo.
func Example_replace() {
	e := echo.New()
	e.GET("/posts/:id", func(c *echo.Context) error { return c.String(http.StatusOK, "echo: post "+c.Param("id")) })
	e.GET("/users/:id", func(c *echo.Context) error { return c.String(http.StatusOK, "echo: user "+c.Param("id")) })

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "net/http: user "+r.PathValue("id"))
	})
	mux.Handle("/", e)
	call(mux, "GET", "/users/7", "")
	call(mux, "GET", "/posts/7", "")
	// Output:
	// 200 net/http: user 7
	// 200 echo: post 7
}
