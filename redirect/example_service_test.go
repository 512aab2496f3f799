package redirect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/apiece/apiece/redirect"
)

// partners are the other sites that a login may redirect to.
var partners = redirect.NewAllowList("https://shop.example")

// login redirects the user to the page where the login started, if that is
// allowed.
func login(w http.ResponseWriter, r *http.Request) {
	next := r.FormValue("next")
	if !redirect.IsLocal(next) && partners.Check(next) != nil {
		next = "/"
	}
	if err := redirect.Code(w, r, http.StatusSeeOther, next); err != nil {
		fmt.Println(err) // for the log: the client got a 500
	}
}

// A login that redirects back to allowed targets only.
func ExampleIsLocal() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", login)
	for _, next := range []string{"/cart?step=2", "https://shop.example/cart", "https://evil.example/", "//evil.example/", `/\evil.example`} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", "/login?next="+url.QueryEscape(next), nil))
		fmt.Println(w.Code, w.Header().Get("Location"))
	}
	// Output:
	// 303 /cart?step=2
	// 303 https://shop.example/cart
	// 303 /
	// 303 /
	// 303 /
}
