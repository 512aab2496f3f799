package fromgin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/fromgin"
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

func init() { gin.SetMode(gin.ReleaseMode) }

// Pass the writer and the request of gin to the functions of the kit.
func Example_inside() {
	engine := gin.New()
	engine.Use(fromgin.Middleware(bodyparser.New(bodyparser.Config{})))
	engine.POST("/users", func(c *gin.Context) {
		in, err := bind.Body[user](c.Request)
		if err != nil {
			reply.Problem(c.Writer, c.Request, err)
			return
		}
		c.JSON(http.StatusCreated, in)
	})
	call(engine, "POST", "/users", `{"name":"Ada"}`)
	call(engine, "POST", "/users", `{"name":""}`)
	// Output:
	// 201 {"name":"Ada"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"name is required","errors":[{"path":"/name","rule":"required","message":"is required"}]}
}

// A handler of the kit on a route of gin.
func ExampleHandler() {
	type renaming struct {
		ID   string `path:"id"`
		Name string `json:"name" validate:"required,max=40"`
	}
	rename := func(r *http.Request, in renaming) (string, error) {
		return in.ID + " is " + in.Name, nil
	}

	engine := gin.New()
	engine.PUT("/users/:id", fromgin.Handler(bind.Func(rename)))
	call(engine, "PUT", "/users/7", `{"name":"Ada"}`)
	// Output:
	// 200 "7 is Ada"
}

// A piece for a group of routes.
func ExampleMiddleware() {
	engine := gin.New()
	api := engine.Group("/api")
	api.Use(fromgin.Middleware(bodyparser.New(bodyparser.Config{Limit: 100 * bytesize.B})))
	api.POST("/notes", func(c *gin.Context) {
		body, _ := bodyparser.From(c.Request)
		c.String(http.StatusOK, "%d bytes", len(body.Bytes()))
	})
	call(engine, "POST", "/api/notes", `{"text":"short"}`)
	call(engine, "POST", "/api/notes", `{"text":"`+strings.Repeat("long ", 20)+`"}`)
	// Output:
	// 200 16 bytes
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 100b limit"}
}

// Every piece around the whole engine, which then needs no gin.Recovery.
func Example_around() {
	engine := gin.New()
	engine.GET("/boom", func(c *gin.Context) { panic("on purpose") })
	service := middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Raw: true}, // gin reads the bodies
		MaxDuration: 5 * time.Second,
		Logger:      quiet,
	})(engine)
	call(service, "GET", "/boom", "")
	// Output:
	// 500 {"title":"Internal Server Error","status":500}
}

// Moved routes are on the mux, all others stay with gin.
func Example_replace() {
	engine := gin.New()
	engine.GET("/posts/:id", func(c *gin.Context) { c.String(http.StatusOK, "gin: post %s", c.Param("id")) })
	engine.GET("/users/:id", func(c *gin.Context) { c.String(http.StatusOK, "gin: user %s", c.Param("id")) })

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "net/http: user "+r.PathValue("id"))
	})
	mux.Handle("/", engine)
	call(mux, "GET", "/users/7", "")
	call(mux, "GET", "/posts/7", "")
	// Output:
	// 200 net/http: user 7
	// 200 gin: post 7
}
