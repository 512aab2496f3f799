package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCachedPages: a page is rendered once, stays the same while cached, and is
// rendered again on demand or in the background.
func TestCachedPages(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	synctest.Test(t, func(t *testing.T) {
		site := New(Config{Logger: slog.New(slog.DiscardHandler)})
		send := func(method, path, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			if body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			w := httptest.NewRecorder()
			site.ServeHTTP(w, r)
			return w
		}
		read := func(status, text string) {
			t.Helper()
			w := send("GET", "/blog/1", "")
			if got := w.Header().Get("X-Nextjs-Cache"); got != status || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s %s, want %s with %q", got, w.Body, status, text)
			}
		}
		ask := func(status int, body string) {
			t.Helper()
			if w := send("POST", "/api/revalidate", body); w.Code != status {
				t.Errorf("%s: %d %s, want %d", body, w.Code, w.Body, status)
			}
		}
		read("MISS", "Post 1 of 2.")
		send("POST", "/api/posts", `{"title":"Third","text":"<b>x</b>"}`)
		read("HIT", "Post 1 of 2.")
		ask(http.StatusUnauthorized, `{"secret":"guess","path":"/blog/1"}`)
		ask(http.StatusUnprocessableEntity, `{"secret":"it is a demo, too","path":"https://example.com/"}`)
		ask(http.StatusBadGateway, `{"secret":"it is a demo, too","path":"/blog/x/y"}`)
		read("HIT", "Post 1 of 2.")
		ask(http.StatusOK, `{"secret":"it is a demo, too","path":"/blog/1"}`)
		read("HIT", "Post 1 of 3.")

		send("POST", "/api/posts", `{"title":"Fourth","text":"x"}`)
		time.Sleep(2 * time.Hour)
		read("STALE", "Post 1 of 3.")
		time.Sleep(time.Second)
		read("HIT", "Post 1 of 4.")
		if w := send("GET", "/blog/3", ""); !strings.Contains(w.Body.String(), "&lt;b&gt;x&lt;/b&gt;") {
			t.Errorf("not escaped: %s", w.Body)
		}
		if w := send("GET", "/blog/5", ""); w.Code != http.StatusNotFound {
			t.Errorf("%d", w.Code)
		}
		send("POST", "/api/posts", `{"title":"Fifth","text":"x"}`)
		if w := send("GET", "/blog/5", ""); w.Code != http.StatusOK {
			t.Errorf("%d: the post was not there a moment ago, and now it is", w.Code)
		}
	})
}
