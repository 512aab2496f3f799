package reply_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/reply"
)

func show(h http.Handler, method, path string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	fmt.Println(w.Body)
}

// The first example of the Next.js documentation:
//
//	res.status(200).json({ message: 'Hello from Next.js!' })
func ExampleJSON() {
	hello := func(w http.ResponseWriter, r *http.Request) {
		reply.JSON(w, r, 200, map[string]string{"message": "Hello from Go!"})
	}
	show(http.HandlerFunc(hello), "GET", "/api/hello")
	// Output:
	// 200 application/json; charset=utf-8
	// {"message":"Hello from Go!"}
}

func ExampleSend() {
	post := func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, 200, "Post: "+r.PathValue("pid"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/post/{pid}", post)
	show(mux, "GET", "/api/post/<script>")
	// Output:
	// 200 text/plain; charset=utf-8
	// Post: <script>
}

func ExampleHandlerFunc() {
	notFound := reply.NewError(404, "No such post")
	post := func(w http.ResponseWriter, r *http.Request) error {
		if r.PathValue("pid") != "1" {
			return notFound.WithCause(errors.New("sql: no rows in result set"))
		}
		return reply.JSON(w, r, 200, map[string]string{"title": "First"})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/post/{pid}", reply.HandlerFunc(post))
	show(mux, "GET", "/api/post/1")
	show(mux, "GET", "/api/post/2")
	// Output:
	// 200 application/json; charset=utf-8
	// {"title":"First"}
	// 404 application/problem+json
	// {"title":"Not Found","status":404,"detail":"No such post"}
}

// Clients that expect another error format keep it.
func ExampleHandler_errorShape() {
	asObject := func(w http.ResponseWriter, r *http.Request, err error) {
		status, message := 500, "failed to load data"
		var coded interface{ StatusCode() int } // any error with a status
		if errors.As(err, &coded) {
			status, message = coded.StatusCode(), http.StatusText(coded.StatusCode())
			if public, ok := coded.(interface{ PublicMessage() string }); ok {
				message = public.PublicMessage()
			}
		}
		reply.JSON(w, r, status, map[string]string{"error": message})
	}
	load := func(w http.ResponseWriter, r *http.Request) error {
		return errors.New("dial tcp 10.0.0.7:5432: connection refused")
	}
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where the cause goes
	show(reply.Handler(load, asObject), "GET", "/api/data")
	// Output:
	// 500 application/json; charset=utf-8
	// {"error":"failed to load data"}
}

func ExampleError_With() {
	quota := reply.NewError(429, "The quota is used up").
		WithHeader("Retry-After", "60").
		With("limit", 100)
	h := reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return quota })
	show(h, "GET", "/api/report")
	// Output:
	// 429 application/problem+json
	// {"title":"Too Many Requests","status":429,"detail":"The quota is used up","limit":100}
}

func ExampleMarshal() {
	indented := reply.Marshal(func(v any) ([]byte, error) { return json.MarshalIndent(v, "", "  ") })
	h := indented(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, map[string]int{"count": 1})
	}))
	show(h, "GET", "/api/report")
	// Output:
	// 200 application/json; charset=utf-8
	// {
	//   "count": 1
	// }
}
