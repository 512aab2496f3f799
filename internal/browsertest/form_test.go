package browsertest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/apiece/apiece/redirect"
	"github.com/chromedp/chromedp"
)

// TestBindForm submits a form and checks what the browser does with the response.
func TestBindForm(t *testing.T) {
	s := open(t)
	for _, test := range []struct {
		why    string
		answer func(http.ResponseWriter, *http.Request) error
		want   string // the request for the next page
	}{
		{
			"303 continues with GET",
			func(w http.ResponseWriter, r *http.Request) error { return redirect.Code(w, r, 303, "/done") },
			"GET /done",
		},
		{
			"Local chooses 303 after a form",
			func(w http.ResponseWriter, r *http.Request) error { return redirect.Local(w, r, "/done", "/") },
			"GET /done",
		},
		{
			"307, the default, posts the form again",
			func(w http.ResponseWriter, r *http.Request) error { return redirect.To(w, r, "/done") },
			"POST /done message=hi",
		},
		{
			"and so does 308",
			func(w http.ResponseWriter, r *http.Request) error { return redirect.Code(w, r, 308, "/done") },
			"POST /done message=hi",
		},
		{
			"302 continues with GET",
			func(w http.ResponseWriter, r *http.Request) error { return redirect.Code(w, r, 302, "/done") },
			"GET /done",
		},
	} {
		s.next("app.example", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<form method="post" action="/send"><input name="message" value="hi"><button id="b">Send</button></form>`)
		})
		s.visit("https://app.example/form")
		s.next("app.example", func(w http.ResponseWriter, r *http.Request) {
			if err := test.answer(w, r); err != nil {
				t.Errorf("%s: %v", test.why, err)
			}
		})
		_, err := chromedp.RunResponse(s.ctx, chromedp.Click("#b"))
		if err != nil {
			t.Fatalf("%s: %v", test.why, err)
		}
		var got []string
		for _, r := range s.requests() {
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, r.PostForm.Encode())))
		}
		want := []string{"POST /send message=hi", test.want}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: the browser made %q, want %q", test.why, got, want)
		}
		t.Logf("%s: %q", test.why, got)
	}
}
