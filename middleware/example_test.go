package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

var quiet = slog.New(slog.DiscardHandler)

func show(h http.Handler, method, body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/api/example", strings.NewReader(body)))
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

// The client gets its response, whatever the handler does afterwards.
func ExampleTimeout() {
	slow := func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		_, err := io.WriteString(w, "done")
		fmt.Println("the handler:", err)
	}
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(quiet)
	show(middleware.Timeout(5*time.Millisecond)(http.HandlerFunc(slow)), "GET", "")
	// Output:
	// the handler: http: Handler timeout
	// 504 {"title":"Gateway Timeout","status":504}
}

// A handler that checks its context learns why that ended.
func ExampleTimeoutError() {
	query := func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	h := middleware.TimeoutWith(middleware.TimeoutConfig{
		Duration:   5 * time.Millisecond,
		RetryAfter: 30 * time.Second,
		OnError:    reply.PlainError,
		Logger:     quiet,
	})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		err := query(r.Context())
		fmt.Println(err)
		return err // answered already, so not answered again
	}))
	show(h, "GET", "")
	// Output:
	// middleware: the handler did not answer within 5ms
	// 504 Gateway Timeout
}

// A handler with a long task moves its deadline.
func ExampleExtend() {
	report := func(w http.ResponseWriter, r *http.Request) {
		if err := middleware.Extend(r, time.Minute); err != nil {
			reply.Problem(w, r, err)
			return
		}
		deadline, _ := r.Context().Deadline()
		fmt.Println("half a minute is fine:", time.Until(deadline) > 30*time.Second)
		reply.Send(w, r, http.StatusOK, "a long report")
	}
	show(middleware.Timeout(5*time.Second)(http.HandlerFunc(report)), "GET", "")
	// Output:
	// half a minute is fine: true
	// 200 a long report
}

func ExampleResponseLimitWith() {
	export := func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, strings.Repeat("x", 2000))
	}
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
		Limit:  1 * bytesize.KB,
		Action: middleware.LimitAbort,
		Logger: quiet,
	})
	show(limit(http.HandlerFunc(export)), "GET", "")
	// Output: 500 {"title":"Internal Server Error","status":500}
}

func ExampleRecover() {
	h := middleware.Recover(quiet)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("what happened stays in the log")
	}))
	show(h, "GET", "")
	// Output: 500 {"title":"Internal Server Error","status":500}
}

// The exports of a route handler file:
//
//	export async function GET() { … }
//	export async function POST(request) { … }
func ExampleMethods() {
	posts := middleware.Methods{
		"GET":  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "all posts") }),
		"POST": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a new post") }),
	}
	show(posts, "GET", "")
	show(posts, "POST", "")
	show(posts, "DELETE", "")
	// Output:
	// 200 all posts
	// 200 a new post
	// 405 {"title":"Method Not Allowed","status":405,"detail":"The methods of this resource are GET, HEAD, OPTIONS, POST"}
}

// Your own middleware, then the layers of a Next.js config, then the handler.
func ExampleChain() {
	logged := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println(r.Method, r.URL.Path)
			next.ServeHTTP(w, r)
		})
	}
	config := middleware.Config{MaxDuration: 5 * time.Second}
	h := alice.New(logged).Extend(middleware.Chain(config)).ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := bodyparser.From(r)
		reply.Send(w, r, http.StatusOK, "read: "+body.Text())
	})
	show(h, "POST", "hello")
	// Output:
	// POST /api/example
	// 200 read: hello
}

// The examples of the Next.js documentation, and the same in Go.
func ExampleNew() {
	// export const config = { api: { bodyParser: { sizeLimit: '1mb' } }, maxDuration: 5 }
	_ = middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 1 * bytesize.MB},
		MaxDuration: 5 * time.Second,
	})

	// export const config = { api: { bodyParser: false } }
	_ = middleware.New(middleware.Config{BodyParser: bodyparser.Config{Raw: true}})

	// export const config = { api: { bodyParser: { sizeLimit: '500kb' } } }
	_ = middleware.New(middleware.Config{BodyParser: bodyparser.Config{Limit: 500 * bytesize.KB}})

	// export const config = { api: { externalResolver: true } }
	_ = middleware.New(middleware.Config{WarnUnresolved: false})

	// export const config = { api: { responseLimit: false } }
	_ = middleware.New(middleware.Config{ResponseLimit: bytesize.Unlimited})

	// export const config = { api: { responseLimit: '8mb' } }
	with := middleware.New(middleware.Config{ResponseLimit: 8 * bytesize.MB})

	show(with(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })), "GET", "")
	// Output: 200 ok
}

// A config can be read from a file, with the names and units of Next.js.
func ExampleConfig_UnmarshalJSON() {
	var config middleware.Config
	err := json.Unmarshal([]byte(`{
		"bodyParser": {"sizeLimit": "500kb"},
		"responseLimit": false,
		"maxDuration": 5
	}`), &config)
	fmt.Println(config.BodyParser.Limit, config.ResponseLimit, config.MaxDuration, err)

	err = json.Unmarshal([]byte(`{"maxDuration": "5"}`), &config)
	fmt.Println(err)
	// Output:
	// 500kb unlimited 5s <nil>
	// middleware: config: maxDuration: time: missing unit in duration "5"
}
