package nextjs_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A complete config, with the numbers of the Next.js documentation.
func Example_config() {
	config := middleware.Config{
		BodyParser:     bodyparser.Config{Limit: 500 * bytesize.KB},
		ResponseLimit:  8 * bytesize.MB,
		MaxDuration:    5 * time.Second,
		WarnUnresolved: true,
	}
	handler := middleware.New(config)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		reply.Send(w, r, http.StatusOK, fmt.Sprint("a deadline: ", !deadline.IsZero()))
	}))

	call(handler, "GET", "/", "", "")
	// Output:
	// GET / -> 200 a deadline: true
}

// Everything off.
func Example_configOff() {
	config := middleware.Config{
		BodyParser:    bodyparser.Config{Raw: true}, // bodyParser: false
		ResponseLimit: bytesize.Unlimited,           // responseLimit: false
	}
	handler := middleware.New(config)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, parsed := bodyparser.From(r)
		size, err := r.Body.Read(make([]byte, 10))
		reply.Send(w, r, http.StatusOK, fmt.Sprint("parsed: ", parsed, ", from the stream: ", size, " bytes, ", err))
	}))

	call(handler, "POST", "/", jsonType, `{"not":"parsed"}`)
	// Output:
	// POST / -> 200 parsed: false, from the stream: 10 bytes, <nil>
}

// A config from a file, with the names and units of Next.js.
func Example_configFile() {
	text := []byte(`{"bodyParser": {"sizeLimit": "500kb"}, "responseLimit": false, "externalResolver": true, "maxDuration": 5}`)

	var config middleware.Config
	if err := json.Unmarshal(text, &config); err != nil {
		fmt.Println(err)
	}

	fmt.Println(config.BodyParser.Limit, config.ResponseLimit, config.WarnUnresolved, config.MaxDuration)
	fmt.Println(json.Unmarshal([]byte(`{"bodyParser": {"sizeLimit": "500k"}}`), &config))
	// Output:
	// 500kb unlimited false 5s
	// middleware: config: bodyParser: bytesize: "500k": unknown unit "k" at offset 3: write "500kb" or "500b"; Next.js reads "500b"
}

// A chain for all routes, and one route with other limits. A config belongs to one
// route, like that of a file in Next.js.
func Example_configPerRoute() {
	around := alice.New(middleware.Recover(nil), middleware.ResponseLimit(4*bytesize.MB), middleware.Timeout(5*time.Second))
	small := around.Append(bodyparser.New(bodyparser.Config{Limit: 16 * bytesize.B}))
	large := around.Append(bodyparser.New(bodyparser.Config{Limit: 1 * bytesize.MB}))
	mux := http.NewServeMux()
	mux.Handle("POST /api/vote", small.ThenFunc(vote))
	mux.Handle("POST /api/import", large.ThenFunc(vote))

	call(mux, "POST", "/api/vote", jsonType, `{"for":"Ada"}`)
	call(mux, "POST", "/api/vote", jsonType, `{"for":"the gentleman with the hat"}`)
	call(mux, "POST", "/api/import", jsonType, `{"for":"the gentleman with the hat"}`)
	// Output:
	// POST /api/vote -> 200 {"for":"Ada"}
	// POST /api/vote -> 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 16b limit"}
	// POST /api/import -> 200 {"for":"the gentleman with the hat"}
}

func vote(w http.ResponseWriter, r *http.Request) {
	body, _ := bodyparser.From(r)
	reply.Send(w, r, http.StatusOK, json.RawMessage(body.Bytes()))
}

// Next.js warns of a handler that returns without a response, unless externalResolver
// is true. Here the warning is opt-in.
func Example_externalResolver() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	silent := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})

	chain := alice.New(middleware.Unresolved(logger))

	chain.Then(silent).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/silent", nil))
	// Output:
	// level=WARN msg="apiece: no response" method=GET path=/api/silent pattern=""
}
