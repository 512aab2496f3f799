package cookies_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/apiece/apiece/cookies"
)

func Example() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		theme, ok := cookies.Lookup(r, "theme")
		if !ok {
			theme = "light"
		}
		err := cookies.Set(w, &http.Cookie{Name: "seen", Value: "yes, today", Path: "/", MaxAge: 86400})
		if err != nil {
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "theme:", theme)
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", `theme="dark"`)
	w := httptest.NewRecorder()
	handler(w, r)
	fmt.Print(w.Body)
	fmt.Println(w.Header().Get("Set-Cookie"))
	// Output:
	// theme: dark
	// seen=yes%2C%20today; Path=/; Max-Age=86400
}

// A cookie that scripts and old servers write, and net/http drops.
func ExampleLookup() {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", `prefs={"lang":"en","size":2}`)

	_, err := r.Cookie("prefs")
	fmt.Println("net/http:", err)
	prefs, _ := cookies.Lookup(r, "prefs")
	fmt.Println("cookies: ", prefs)
	// Output:
	// net/http: http: named cookie not present
	// cookies:  {"lang":"en","size":2}
}

// Browsers silently drop a __Host- cookie with another path than /.
func ExampleSet_refused() {
	w := httptest.NewRecorder()
	err := cookies.Set(w, &http.Cookie{Name: "__Host-sid", Value: "7", Path: "/account", Secure: true})
	fmt.Println(err)

	var refused *cookies.Error
	fmt.Println(errors.As(err, &refused), len(w.Header()))
	// Output:
	// cookies: cannot set "__Host-sid": Name has a prefix that needs Path to be /, not "/account"
	// true 0
}

func ExampleDelete() {
	w := httptest.NewRecorder()
	if err := cookies.Delete(w, &http.Cookie{Name: "theme", Path: "/"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(w.Header().Get("Set-Cookie"))
	// Output:
	// theme=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT
}

func ExampleSigner() {
	oldKey, newKey := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32) // 32 bytes of crypto/rand each
	before := cookies.NewSigner(oldKey)
	after := cookies.NewSigner(newKey, oldKey)

	w := httptest.NewRecorder()
	if err := before.Set(w, &http.Cookie{Name: "cart", Value: "17", Path: "/", MaxAge: 3600}); err != nil {
		fmt.Println(err)
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(w.Result().Cookies()[0])
	fmt.Println(after.Lookup(r, "cart"))

	forged := httptest.NewRequest("GET", "/", nil)
	forged.AddCookie(&http.Cookie{Name: "cart", Value: "18.." + "c2lnbmF0dXJl"})
	fmt.Println(after.Lookup(forged, "cart"))
	// Output:
	// 17 true
	//  false
}

// A page that shows the draft of a post to editors and the published text to
// all other visitors.
func ExampleDraft() {
	draft := cookies.NewDraft(cookies.DraftConfig{
		Keys: [][]byte{bytes.Repeat([]byte{1}, 32)}, // 32 bytes of crypto/rand
	})

	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/preview/{revision}", func(w http.ResponseWriter, r *http.Request) {
		// The route requires the editors' login.
		revision := map[string]string{"revision": r.PathValue("revision")}
		if err := draft.SetPreview(w, revision, time.Hour); err != nil {
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /post", func(w http.ResponseWriter, r *http.Request) {
		if !draft.Enabled(r) {
			fmt.Fprintln(w, "Published: Hello")
			return
		}
		var data struct{ Revision string }
		if _, err := draft.Preview(r, &data); err != nil {
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Cache-Control", "private, no-store")
		fmt.Fprintln(w, "Draft", data.Revision+": Hello, world")
	})

	reader, editor := httptest.NewRequest("GET", "/post", nil), httptest.NewRequest("GET", "/post", nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("POST", "/api/preview/12", nil))
	for _, c := range w.Result().Cookies() {
		editor.AddCookie(c)
	}
	for _, r := range []*http.Request{reader, editor} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(w.Body)
	}
	// Output:
	// Published: Hello
	// Draft 12: Hello, world
}
