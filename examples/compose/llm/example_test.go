package llm_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/llm"
	"github.com/apiece/apiece/middleware"
)

func Example() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `data: {"choices":[{"delta":{"content":"Hello, "}}]}`, "\n\n")
		fmt.Fprint(w, `data: {"choices":[{"delta":{"content":"world"}}]}`, "\n\n")
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	defer api.Close()
	os.Setenv("EXAMPLE_API_KEY", "sk-7f3a")

	key, err := llm.KeyFromEnv("EXAMPLE_API_KEY")
	if err != nil {
		fmt.Println(err) // and exit
		return
	}
	client := llm.New(llm.Config{Base: api.URL, Model: "small", Key: key})
	chain := middleware.Chain(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 32 * bytesize.KB},
		MaxDuration: 30 * time.Second, // until the API begins to answer
	})
	mux := http.NewServeMux()
	mux.Handle("POST /api/ask", chain.Then(client.Events()))

	for _, body := range []string{`{"prompt":"Greet me"}`, `{"prompt":""}`} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, post("/api/ask", body))
		text, _ := io.ReadAll(w.Result().Body)
		fmt.Printf("%d\n%s\n", w.Code, strings.TrimSpace(string(text)))
	}
	fmt.Println(key)
	// Output:
	// 200
	// data: {"delta":"Hello, "}
	//
	// data: {"delta":"world"}
	//
	// data: {"done":true}
	// 422
	// {"title":"Unprocessable Entity","status":422,"detail":"prompt is required","errors":[{"path":"/prompt","rule":"required","message":"is required"}]}
	// [key]
}
