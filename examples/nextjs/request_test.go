package nextjs_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// The handler of one file, with the defaults of Next.js.
func Example_hello() {
	mux := http.NewServeMux()

	hello := func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, http.StatusOK, map[string]string{"message": "Hello"})
	}
	mux.Handle("/api/hello", middleware.New(middleware.Config{})(reply.HandlerFunc(hello)))

	call(mux, "GET", "/api/hello", "", "")
	call(mux, "PUT", "/api/hello", "", "")
	// Output:
	// GET /api/hello -> 200 {"message":"Hello"}
	// PUT /api/hello -> 200 {"message":"Hello"}
}

// All that a handler reads from req, for /api/post/[pid].
func Example_request() {
	handler := func(w http.ResponseWriter, r *http.Request) error {
		query := pattern.Query(r)
		theme, known := cookies.Lookup(r, "theme")
		body, _ := bodyparser.From(r)
		value, err := body.Value()
		if err != nil {
			return err
		}
		return reply.JSON(w, r, http.StatusOK, map[string]any{
			"method": r.Method,
			"pid":    query.Get("pid"),
			"tags":   query["tag"],
			"theme":  theme, "chosen": known,
			"token": r.Header.Get("X-Token"),
			"body":  value,
		})
	}

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/[pid]": middleware.New(middleware.Config{})(reply.HandlerFunc(handler)),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := httptest.NewRequest("POST", "/api/post/7?pid=8&tag=a&tag=b", strings.NewReader(`{"a":[1,null]}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "theme=dark%20blue")
	r.Header.Set("X-Token", "t")
	w := httptest.NewRecorder()
	routes.ServeHTTP(w, r)
	fmt.Println(w.Body)
	// Output:
	// {"body":{"a":[1,null]},"chosen":true,"method":"POST","pid":"7","tags":["a","b"],"theme":"dark blue","token":"t"}
}

// The type of req.body, by content type, and whether there was a body.
func Example_requestBody() {
	handler := func(w http.ResponseWriter, r *http.Request) error {
		body, _ := bodyparser.From(r)
		if !body.Present() {
			return reply.NewError(http.StatusBadRequest, "A body, please")
		}
		switch body.MediaType() {
		case "application/json":
			var in struct{ Name string }
			if err := body.Decode(&in); err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusOK, "from JSON: "+in.Name)
		case "application/x-www-form-urlencoded":
			form, err := body.Form()
			if err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusOK, "from a form: "+form.Get("name"))
		}
		return reply.Send(w, r, http.StatusOK, fmt.Sprintf("text %q of %d bytes", body.Text(), len(body.Bytes())))
	}

	api := middleware.New(middleware.Config{OnError: reply.PlainError})(reply.Handler(handler, reply.PlainError))
	call(api, "POST", "/", jsonType, `{"name":"Ada"}`)
	call(api, "POST", "/", formType, `name=Ada`)
	call(api, "POST", "/", "", `Ada`)
	call(api, "POST", "/", jsonType, `{"name":`)
	call(api, "GET", "/", "", "")
	// Output:
	// POST / -> 200 from JSON: Ada
	// POST / -> 200 from a form: Ada
	// POST / -> 200 text "Ada" of 3 bytes
	// POST / -> 400 Invalid JSON
	// GET / -> 400 A body, please
}

// NextApiRequest and NextApiResponse<Data> with types that are checked: the response
// by the compiler, the request when it arrives.
func Example_types() {
	type Signup struct {
		Name string `json:"name" validate:"required"`
		Age  int    `json:"age" validate:"min=18"`
	}
	type Data struct {
		Message string `json:"message"`
	}
	signup := bind.Func(func(r *http.Request, in Signup) (Data, error) {
		if in.Name == "root" {
			return Data{}, reply.NewError(http.StatusConflict, "That name is taken")
		}
		return Data{"Hello, " + in.Name}, nil
	})

	call(signup, "POST", "/", jsonType, `{"name":"Ada","age":36}`)
	call(signup, "POST", "/", jsonType, `{"name":"Ada","age":"36"}`)
	call(signup, "POST", "/", jsonType, `{"name":"Ada","age":7}`)
	call(signup, "POST", "/", jsonType, `{"name":"root","age":36}`)
	// Output:
	// POST / -> 200 {"message":"Hello, Ada"}
	// POST / -> 400 {"title":"Bad Request","status":400,"detail":"age must be a whole number in range","errors":[{"path":"/age","rule":"type","message":"must be a whole number in range"}]}
	// POST / -> 422 {"title":"Unprocessable Entity","status":422,"detail":"age must be at least 18","errors":[{"path":"/age","rule":"min","param":"18","message":"must be at least 18"}]}
	// POST / -> 409 {"title":"Conflict","status":409,"detail":"That name is taken"}
}

// Created is a post as POST sends it.
type Created struct {
	ID int `json:"id"`
}

// StatusCode is the status that bind.Func sends it with.
func (Created) StatusCode() int { return http.StatusCreated }

// res.status(201).json(post), with the type of the response.
func Example_created() {
	type Post struct {
		Title string `json:"title" validate:"required"`
	}

	create := bind.Func(func(r *http.Request, in Post) (Created, error) {
		return Created{ID: 7}, nil
	})

	call(create, "POST", "/", jsonType, `{"title":"Hello"}`)
	// Output:
	// POST / -> 201 {"id":7}
}

// The error objects of handlers, and the texts of Next.js.
func Example_nextErrors() {
	asObject := reply.ErrorJSON(func(e *reply.Error) any {
		return map[string]string{"error": e.PublicMessage()}
	})
	type Post struct {
		Title string `json:"title" validate:"required"`
	}
	create := bind.Func(func(r *http.Request, in Post) (Created, error) {
		return Created{}, reply.NewError(http.StatusConflict, "That title is taken")
	})

	asNext := func(w http.ResponseWriter, r *http.Request, err error) {
		var own *reply.Error    // returned by a handler
		var fields *bind.Errors // what the handler checked in Next.js
		switch {
		case errors.As(err, &own):
			asObject(w, r, err)
		case errors.As(err, &fields):
			asObject(w, r, reply.NewError(http.StatusBadRequest, fields.PublicMessage()).WithCause(err))
		default:
			reply.PlainError(w, r, err)
		}
	}
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts": middleware.Methods{"POST": create},
	}, pattern.HandlerConfig{OnError: asNext})

	if err != nil {
		fmt.Println(err)
		return
	}
	for _, body := range []string{`{"title":"Hello"}`, `{}`, `{`} {
		call(routes, "POST", "/api/posts", jsonType, body)
	}
	call(routes, "GET", "/nothing", "", "")
	// Output:
	// POST /api/posts -> 409 {"error":"That title is taken"}
	// POST /api/posts -> 400 {"error":"title is required"}
	// POST /api/posts -> 400 Invalid JSON
	// GET /nothing -> 404 Not Found
}

// The raw body of a webhook, verified before it is parsed. GitHub sends up to 25 MB, signed.
func Example_webhook() {
	secret := []byte("from the environment")

	config := middleware.Config{BodyParser: bodyparser.Config{
		Limit:  25 * bytesize.MB,
		Verify: bodyparser.VerifyHMAC("X-Hub-Signature-256", "sha256=", secret),
	}}
	webhook := bind.Handler(func(w http.ResponseWriter, r *http.Request, in struct{ Action string }) error {
		return reply.JSON(w, r, http.StatusOK, map[string]string{"did": in.Action})
	})
	h := middleware.New(config)(webhook)

	for _, signature := range []string{
		"sha256=4c447594f12228d2624cd48302921ac8a8696cd62010691cf697c98af13cbd11",
		"sha256=00",
	} {
		r := httptest.NewRequest("POST", "/api/webhook", strings.NewReader(`{"action":"opened"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Hub-Signature-256", signature)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"did":"opened"}
	// 403 {"title":"Forbidden","status":403,"detail":"Verification failed"}
}
