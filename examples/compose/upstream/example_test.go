package upstream_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/upstream"
	"github.com/apiece/apiece/middleware"
)

func Example() {
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "legacy/1.0 at "+r.Host)
		fmt.Fprintf(w, "%s for %q, cookie %q", r.URL, r.Header.Get("X-Api-Key"), r.Header.Get("Cookie"))
	}))
	defer there.Close()

	secret, err := upstream.New(upstream.Config{
		Base:   there.URL + "/v2",
		Routes: map[string]string{"/api/secret/[id]": "/items/[id]"},
		Header: http.Header{"X-Api-Key": {"from the environment"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	chain := middleware.Chain(middleware.Config{MaxDuration: 5 * time.Second, ResponseLimit: 1 * bytesize.MB})
	mux := http.NewServeMux()
	mux.Handle("GET /api/secret/", chain.Then(secret))

	get := func(path string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Cookie", "session=private")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		body, _ := io.ReadAll(w.Result().Body)
		fmt.Printf("%d %s, Server: %q\n", w.Code, body, w.Header().Get("Server"))
	}
	get("/api/secret/7?page=2")
	get("/api/secret/..%2fadmin")

	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // where it says why
	there.Close()
	get("/api/secret/7")
	// Output:
	// 200 /v2/items/7?page=2 for "from the environment", cookie "", Server: ""
	// 404 {"title":"Not Found","status":404}, Server: ""
	// 502 {"title":"Bad Gateway","status":502}, Server: ""
}
