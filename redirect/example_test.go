package redirect_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/apiece/apiece/redirect"
)

func ExampleTo() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		redirect.To(w, r, "/new place")
	}
	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/old", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output:
	// 307 /new%20place
}

// The form handler of the Next.js documentation. With To it would respond with
// 307, and the browser would post the message to "/" as well.
func ExampleCode() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.Method, r.URL, "thanks")
	})
	mux.HandleFunc("POST /api/message", func(w http.ResponseWriter, r *http.Request) {
		// ... send r.FormValue("message")
		redirect.Code(w, r, http.StatusSeeOther, "/")
	})

	server := httptest.NewServer(mux)
	defer server.Close()
	resp, err := http.PostForm(server.URL+"/api/message", url.Values{"message": {"hi"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Request.Method, resp.Request.URL.Path, resp.StatusCode)
	// Output:
	// GET / 200
}

func ExampleLocal() {
	login := func(w http.ResponseWriter, r *http.Request) {
		// ... check the password
		redirect.Local(w, r, r.FormValue("next"), "/home")
	}
	for _, next := range []string{"/orders?page=2", "//evil.test", `/\evil.test`, "https://evil.test/", ""} {
		form := url.Values{"next": {next}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		login(w, r)
		fmt.Printf("%d %-14s for %q\n", w.Code, w.Header().Get("Location"), next)
	}
	// Output:
	// 303 /orders?page=2 for "/orders?page=2"
	// 303 /home          for "//evil.test"
	// 303 /home          for "/\\evil.test"
	// 303 /home          for "https://evil.test/"
	// 303 /home          for ""
}

func ExampleAllowList() {
	partners := redirect.NewAllowList("https://accounts.example")
	for _, target := range []string{
		"/orders",
		"https://accounts.example/login",
		"https://accounts.example:8443/login",
		"https://accounts.example@evil.test/",
	} {
		fmt.Println(target, partners.Check(target) == nil)
	}
	// Output:
	// /orders true
	// https://accounts.example/login true
	// https://accounts.example:8443/login false
	// https://accounts.example@evil.test/ false
}
