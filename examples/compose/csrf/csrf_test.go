package csrf_test

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/justinas/alice"
	"github.com/justinas/nosurf"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/compose/csrf"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

var page = template.Must(template.New("").Parse(
	`<form method="post"><input type="hidden" name="csrf_token" value="{{.}}"><input name="text"></form>`))

// routes is a page with a form, a form with a file and a webhook.
func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /note", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // the token is one user's
		page.Execute(w, nosurf.Token(r))
	})
	mux.Handle("POST /note", bind.Handler(func(w http.ResponseWriter, r *http.Request, note struct {
		Text string `json:"text" validate:"required"`
	}) error {
		return redirect.Local(w, r, "/note?saved="+url.QueryEscape(note.Text), "/note")
	}))
	mux.Handle("POST /file", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		for part, err := range upload.Parts(w, r, upload.Config{}) {
			if err != nil {
				return err
			}
			if part.FileName() != "" {
				return reply.Send(w, r, 200, part.FileName())
			}
		}
		return reply.NewError(400, "No file")
	}))
	mux.Handle("POST /hooks/{name}", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 200, "hook")
	}))
	return mux
}

const form = "Content-Type: application/x-www-form-urlencoded"

var (
	cfg    = csrf.Config{Trusted: []string{"https://app.example"}, Exempt: []string{"POST /hooks/"}}
	parser = middleware.Chain(middleware.Config{BodyParser: bodyparser.Config{Limit: 4 * bytesize.KB}})
)

func TestOriginsRequests(t *testing.T) {
	s := loopback.Serve(t, alice.New(csrf.Origins(cfg)).Extend(parser).Then(routes()))
	host := strings.TrimPrefix(s.URL, "http://")
	tests := []struct {
		path, body string
		fields     []string
		status     int
		why        string
	}{
		{"/note", "text=x", nil, 303, "no browser, or one from before 2023 that sends no Origin either"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: same-origin"}, 303, "our own page"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: none"}, 303, "typed in by the user"},
		{"/note", "text=x", []string{"Origin: http://" + host}, 303, "our own page, older browser"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example"}, 303, "trusted"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403, "another site"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: same-site", "Origin: https://other.app.example"}, 403, "a neighbour on the same domain is another origin"},
		{"/note", "text=x", []string{"Origin: https://evil.example"}, 403, "another site, older browser"},
		{"/note", "text=x", []string{"Origin: null"}, 403, "a sandboxed frame"},
		{"/note", "text=x", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example.evil.example"}, 403, "looks like the trusted one"},
		{"/note", strings.Repeat("x", 8<<10), []string{"Sec-Fetch-Site: cross-site"}, 403, "refused before the body is looked at: no 413"},
		{"/hooks/git", "x=1", []string{"Sec-Fetch-Site: cross-site"}, 200, "exempt: the route has a signature to check"},
		{"/hooks/../note", "text=x", []string{"Sec-Fetch-Site: cross-site"}, 403, "only what the mux would give to the exempt route"},
		{"/note/../hooks/git", "text=x", []string{"Sec-Fetch-Site: cross-site"}, 403, "not what it would redirect there"},
	}
	for _, tt := range tests {
		resp, body := s.Do("POST", tt.path, tt.body, append(tt.fields, form)...)
		if resp.StatusCode != tt.status {
			t.Errorf("POST %s %q: %d %s, want %d: %s", tt.path, tt.fields, resp.StatusCode, body, tt.status, tt.why)
		}
	}
	if resp, _ := s.Do("GET", "/note", "", "Sec-Fetch-Site: cross-site"); resp.StatusCode != 200 {
		t.Errorf("a link from another site: %d", resp.StatusCode)
	}
}

// token gets the form like a browser: the token in it, and its cookie. The origin is
// https, as nosurf sees it behind a proxy that terminates TLS.
func token(t *testing.T, s *loopback.Server) (token, cookie, origin string) {
	t.Helper()
	resp, body := s.Do("GET", "/note", "")
	_, rest, _ := strings.Cut(body, `value="`)
	token, _, _ = strings.Cut(rest, `"`)
	token = strings.ReplaceAll(token, "&#43;", "+")
	set := resp.Cookies()
	if len(set) != 1 || set[0].Name != "__Host-csrf" || !set[0].Secure || !set[0].HttpOnly || token == "" {
		t.Fatalf("the form is %s with %v", body, set)
	}
	return token, "Cookie: __Host-csrf=" + set[0].Value, "Origin: https://" + strings.TrimPrefix(s.URL, "http://")
}

func TestTokensRequests(t *testing.T) {
	s := loopback.Serve(t, parser.Append(csrf.Tokens(cfg)).Then(routes()))
	good, cookie, origin := token(t, s)
	other, _, _ := token(t, s)
	tests := []struct {
		path, body string
		fields     []string
		status     int
		why        string
	}{
		{"/note", "text=x&csrf_token=" + url.QueryEscape(good), []string{cookie, origin}, 303, "as the form sends it"},
		{"/note", `{"text":"x"}`, []string{cookie, origin, "X-CSRF-Token: " + good, "Content-Type: application/json"}, 303, "as a script sends it"},
		{"/note", "text=x&csrf_token=" + url.QueryEscape(good), []string{cookie, "Referer: " + origin[len("Origin: "):] + "/note"}, 303, "an old browser sends no Origin"},
		{"/note", "text=x", []string{cookie, origin}, 403, "no token"},
		{"/note", "text=x&csrf_token=" + url.QueryEscape(good), []string{origin}, 403, "no cookie"},
		{"/note", "text=x&csrf_token=" + url.QueryEscape(other), []string{cookie, origin}, 403, "the token of another cookie"},
		{"/note", "text=x&csrf_token=%00", []string{cookie, origin}, 403, "no token at all"},
		{"/note", "text=x&csrf_token=" + url.QueryEscape(good), []string{cookie}, 403, "nosurf wants Origin or Referer as well"},
		{"/note", "text=x&csrf_token=" + url.QueryEscape(good), []string{cookie, "Origin: https://evil.example"}, 403, "a token that was stolen"},
		{"/note?csrf_token=" + url.QueryEscape(good), "text=x", []string{cookie, origin}, 403, "links are shared, with what is in them"},
		{"/note", "text=" + strings.Repeat("x", 8<<10), []string{cookie, origin}, 413, "the parser bounds what nosurf reads"},
		{"/note", "text=&csrf_token=" + url.QueryEscape(good), []string{cookie, origin}, 422, "and the handler still has the form"},
		{"/hooks/git", "x=1", nil, 200, "exempt"},
		{"/hooks/../note", "text=x", nil, 403, "only what the mux would give to the exempt route"},
		{"/note/../hooks/git", "text=x", nil, 403, "not what it would redirect there"},
	}
	for _, tt := range tests {
		fields := tt.fields
		if tt.body[0] != '{' {
			fields = append(fields, form)
		}
		resp, body := s.Do("POST", tt.path, tt.body, fields...)
		if resp.StatusCode != tt.status {
			t.Errorf("POST %s %.80s %q: %d %s, want %d: %s", tt.path, tt.body, tt.fields, resp.StatusCode, body, tt.status, tt.why)
		}
	}
}

// TestTokensMultipart: a multipart body is never searched for a token. With the token in the
// header the handler reads it, without one it is not read.
func TestTokensMultipart(t *testing.T) {
	s := loopback.Serve(t, parser.Append(csrf.Tokens(cfg)).Then(routes()))
	good, cookie, origin := token(t, s)
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	m.WriteField("csrf_token", good)
	file, _ := m.CreateFormFile("file", "cat.png")
	file.Write([]byte("meow"))
	m.Close()
	ctype := "Content-Type: " + m.FormDataContentType()
	if resp, body := s.Do("POST", "/file", b.String(), ctype, cookie, origin, "X-CSRF-Token: "+good); resp.StatusCode != 200 || body != "cat.png" {
		t.Errorf("token in the header: %d %s", resp.StatusCode, body)
	}
	if resp, body := s.Do("POST", "/file", b.String(), ctype, cookie, origin); resp.StatusCode != 403 {
		t.Errorf("token in the body: %d %s", resp.StatusCode, body)
	}

	h := csrf.Tokens(cfg)(routes())
	for _, fields := range [][]string{{cookie}, {}} {
		unread := &counter{r: bytes.NewReader(b.Bytes())}
		r := httptest.NewRequest("POST", "/file", unread)
		r.Header.Set("Content-Type", "Multipart/Form-Data"+strings.TrimPrefix(m.FormDataContentType(), "multipart/form-data"))
		r.Header.Set("Sec-Fetch-Site", "same-origin") // as any program can
		for _, field := range fields {
			name, value, _ := strings.Cut(field, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 403 || unread.n > 0 {
			t.Errorf("with %q: %d, after %d bytes of the body", fields, w.Code, unread.n)
		}
	}
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// TestTrustedBadOrigins: both reject an invalid origin.
func TestTrustedBadOrigins(t *testing.T) {
	for name, layer := range map[string]func(csrf.Config) func(http.Handler) http.Handler{"origins": csrf.Origins, "tokens": csrf.Tokens} {
		for _, origin := range []string{"", "app.example", "https://app.example/", "null"} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: %q is taken", name, origin)
					}
				}()
				layer(csrf.Config{Trusted: []string{origin}})
			}()
		}
	}
}

// TestRefusalErrorShape: a 403 has the error format of the service.
func TestRefusalErrorShape(t *testing.T) {
	for name, layer := range map[string]func(csrf.Config) func(http.Handler) http.Handler{"origins": csrf.Origins, "tokens": csrf.Tokens} {
		var cause error
		shaped := csrf.Config{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			cause = errors.Unwrap(err)
			reply.PlainError(w, r, err)
		}}
		for _, c := range []csrf.Config{{}, shaped} {
			s := loopback.Serve(t, layer(c)(routes()))
			resp, body := s.Do("POST", "/note", "text=x", form, "Origin: https://evil.example")
			s.Close()
			want := "Cross-site request refused"
			if c.OnError == nil {
				want = `{"title":"Forbidden","status":403,"detail":"Cross-site request refused"}`
			} else if cause == nil || !strings.Contains(strings.ToLower(cause.Error()), "origin") {
				t.Errorf("%s: the log would say %v", name, cause)
			}
			if resp.StatusCode != 403 || body != want {
				t.Errorf("%s: %d %s, want %s", name, resp.StatusCode, body, want)
			}
		}
	}
}

func Example() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, "paid") })
	mux.HandleFunc("POST /hooks/{name}", func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, "heard") })
	service := csrf.Origins(csrf.Config{Exempt: []string{"POST /hooks/"}})(mux)

	post := func(path, site string) {
		r := httptest.NewRequest("POST", path, nil)
		r.Header.Set("Sec-Fetch-Site", site) // by the browser: no page can change it
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(path, site, "->", w.Code, w.Body)
	}
	post("/pay", "same-origin")
	post("/pay", "cross-site")
	post("/hooks/bank", "cross-site")
	// Output:
	// /pay same-origin -> 200 paid
	// /pay cross-site -> 403 {"title":"Forbidden","status":403,"detail":"Cross-site request refused"}
	// /hooks/bank cross-site -> 200 heard
}
