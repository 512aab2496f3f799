package contact_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/examples/compose/contact"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var key = bytes.Repeat([]byte("k"), 32)

func mount(sender contact.Sender, max time.Duration) http.Handler {
	form := contact.New(sender, key)
	mux := http.NewServeMux()
	mux.Handle("GET /contact", form.Page())
	mux.Handle("POST /contact", middleware.New(middleware.Config{MaxDuration: max})(form.Post()))
	return mux
}

// An outbox is a Sender that stores the mails.
type outbox struct {
	mails []contact.Mail
	err   error
}

func (o *outbox) Send(_ context.Context, m contact.Mail) error {
	if o.err == nil {
		o.mails = append(o.mails, m)
	}
	return o.err
}

// open loads the page, and returns the cookie and the text of it.
func open(t *testing.T, h http.Handler, path string) (cookie, text string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	set := w.Header().Get("Set-Cookie")
	if w.Code != 200 || !strings.Contains(set, "HttpOnly; Secure; SameSite=Strict") {
		t.Fatalf("%d %s", w.Code, set)
	}
	cookie, _, _ = strings.Cut(set, ";")
	return cookie, w.Body.String()
}

type fields = map[string]string

func good() fields {
	return fields{"name": "Ada Ü", "email": "ada@example.com", "subject": "Hello", "text": "First line\n.\nlast"}
}

// encode returns a body of the given content type.
func encode(ctype string, f fields) (body, contentType string) {
	switch ctype {
	case "multipart":
		var b strings.Builder
		w := multipart.NewWriter(&b)
		for name, value := range f {
			w.WriteField(name, value)
		}
		w.Close()
		return b.String(), w.FormDataContentType()
	case "json":
		var parts []string
		for name, value := range f {
			parts = append(parts, quote(name)+":"+quote(value))
		}
		return "{" + strings.Join(parts, ",") + "}", "application/json"
	}
	values := url.Values{}
	for name, value := range f {
		values.Set(name, value)
	}
	return values.Encode(), "application/x-www-form-urlencoded"
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(s) + `"`
}

func post(cookie, ctype string, f fields) *http.Request {
	body, contentType := encode(ctype, f)
	r := httptest.NewRequest("POST", "/contact", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

func TestPostForm(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	with := func(name, value string) fields {
		f := good()
		f[name] = value
		return f
	}
	tests := []struct {
		name string
		f    fields
		wait time.Duration // between the page and the post
		page bool          // whether there was a page
		bad  string        // the field that is wrong
		sent bool
		form int // status for the two kinds of forms
		json int
	}{
		{"good", good(), time.Minute, true, "", true, 303, 202},
		{"no name", with("name", ""), time.Minute, true, "name is required", false, 422, 422},
		{"bad address", with("email", "nowhere"), time.Minute, true, "email must be an email address", false, 422, 422},
		{"two addresses", with("email", "a@example.com, b@example.com"), time.Minute, true, "email must be an email address", false, 422, 422},
		{"an address with a name", with("email", "Ada <ada@example.com>"), time.Minute, true, "email must be an email address", false, 422, 422},
		{"a field in the subject", with("subject", "Hi\r\nBcc: all@example.com"), time.Minute, true, "subject must be one line", false, 422, 422},
		{"a line in the name", with("name", "Ada\nx"), time.Minute, true, "name must be one line", false, 422, 422},
		{"a field in the address", with("email", "ada@example.com\r\nBcc: all@example.com"), time.Minute, true, "email must be", false, 422, 422},
		{"too long", with("text", strings.Repeat("ü", 5001)), time.Minute, true, "text is too long", false, 422, 422},
		{"just short enough", with("text", strings.Repeat("ü", 5000)), time.Minute, true, "", true, 303, 202},
		{"the field that nobody sees", with("website", "https://spam.example"), time.Minute, true, "", false, 303, 202},
		{"too quick", good(), time.Second, true, "", false, 303, 202},
		{"quick enough", good(), 3 * time.Second, true, "", true, 303, 202},
		{"old", good(), 13 * time.Hour, true, "", false, 400, 400},
		{"no page", good(), 0, false, "", false, 400, 400},
	}
	for _, tt := range tests {
		for _, ctype := range []string{"urlencoded", "multipart", "json"} {
			t.Run(tt.name+" "+ctype, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sender := new(outbox)
					h := mount(sender, time.Minute)
					cookie := ""
					if tt.page {
						cookie, _ = open(t, h, "/contact")
					}
					time.Sleep(tt.wait)
					w := httptest.NewRecorder()
					h.ServeHTTP(w, post(cookie, ctype, tt.f))
					want := tt.form
					if ctype == "json" {
						want = tt.json
					}
					if w.Code != want || (len(sender.mails) == 1) != tt.sent {
						t.Errorf("%d %s with %d mails, want %d", w.Code, w.Body, len(sender.mails), want)
					}
					if !strings.Contains(w.Body.String(), tt.bad) {
						t.Errorf("%s does not name %s", w.Body, tt.bad)
					}
					if w.Code == 303 && w.Header().Get("Location") != "?sent=1" {
						t.Errorf("Location %s", w.Header().Get("Location"))
					}
					if tt.sent && sender.mails[0] != (contact.Mail{Name: tt.f["name"], Email: tt.f["email"], Subject: tt.f["subject"], Text: tt.f["text"]}) {
						t.Errorf("%+v", sender.mails[0])
					}
				})
			})
		}
	}
}

// TestPostForgedCookie: a cookie that this service has not signed is ignored.
func TestPostForgedCookie(t *testing.T) {
	h := mount(new(outbox), time.Minute)
	for _, cookie := range []string{"__Host-contact=0", "__Host-contact=946684800000.AAAA"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(cookie, "json", good()))
		if w.Code != 400 {
			t.Errorf("%s: %d", cookie, w.Code)
		}
	}
}

// TestPageAfterPost: an invalid form is shown again with its input, escaped, and the errors; a
// valid one gets a confirmation.
func TestPageAfterPost(t *testing.T) {
	h := mount(new(outbox), time.Minute)
	cookie, text := open(t, h, "/contact?sent=1")
	if !strings.Contains(text, "Thank you") {
		t.Error(text)
	}
	f := good()
	f["email"], f["text"] = "nowhere", "</textarea><script>alert(1)</script>"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post(cookie, "urlencoded", f))
	got := w.Body.String()
	for _, want := range []string{"email must be an email address", `value="Ada Ü"`, "&lt;script&gt;"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if strings.Contains(got, "<script>") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%v %s", w.Header(), got)
	}
}

// TestPostSenderFails: an error of the mail server goes only to the log.
func TestPostSenderFails(t *testing.T) {
	log := new(testkit.Log)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	synctest.Test(t, func(t *testing.T) {
		h := mount(&outbox{err: errors.New("550 no such user: boss@example.com")}, time.Minute)
		cookie, _ := open(t, h, "/contact")
		time.Sleep(time.Minute)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post(cookie, "urlencoded", good()))
		body, _ := io.ReadAll(w.Body)
		if w.Code != 502 || strings.Contains(string(body), "boss") || !strings.Contains(string(body), "could not be sent") {
			t.Errorf("%d %s", w.Code, body)
		}
	})
	if n := len(log.Records()); n != 1 {
		t.Errorf("%d records", n)
	}
}
