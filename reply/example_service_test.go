package reply_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/reply"
)

// stock is the number of each item.
var stock = map[string]int{"tea": 3}

// errBroken is only for the log.
var errBroken = errors.New("dial tcp 10.0.0.7: connection refused")

func find(w http.ResponseWriter, r *http.Request) error {
	switch n, ok := stock[r.PathValue("item")]; {
	case ok:
		return reply.JSON(w, r, http.StatusOK, map[string]int{"left": n})
	case r.PathValue("item") == "milk":
		return reply.NewError(http.StatusBadGateway, "The warehouse does not answer").WithCause(errBroken)
	}
	return reply.NewError(http.StatusNotFound, "There is no such item")
}

// Handlers that return their errors, in two formats.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("GET /api/stock/{item}", reply.Handler(find, reply.Problem)) // the default
	mux.Handle("GET /stock/{item}", reply.Handler(find, reply.PlainError))

	for _, path := range []string{"/api/stock/tea", "/api/stock/salt", "/api/stock/milk", "/stock/salt"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 {"left":3}
	// 404 {"title":"Not Found","status":404,"detail":"There is no such item"}
	// 502 {"title":"Bad Gateway","status":502,"detail":"The warehouse does not answer"}
	// 404 There is no such item
}
