package graphql_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/graphql"
	"github.com/apiece/apiece/middleware"
)

func Example() {
	h, err := graphql.New(schema, &resolver{name: "root"})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain := middleware.Chain(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 64 * bytesize.KB},
		MaxDuration: 5 * time.Second,
	})
	mux := http.NewServeMux()
	mux.Handle("/api/graphql", chain.Then(h))

	for _, body := range []string{
		`{"query":"query Sum($a: Int!) {add(a: $a, b: 2)}","variables":{"a":40}}`,
		`{"query":"mutation {rename(name: \"new\") {name}}"}`,
		`{"query":`,
	} {
		r := httptest.NewRequest("POST", "/api/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"data":{"add":42}}
	// 200 {"data":{"rename":{"name":"new"}}}
	// 400 {"title":"Bad Request","status":400,"detail":"Invalid JSON"}
}
