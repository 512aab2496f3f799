package service

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/apiece/apiece/typescript"
)

// TestRoutes sends every route one valid request and common invalid ones.
func TestRoutes(t *testing.T) {
	delivery := `{"action":"opened"}`
	tests := []struct {
		name   string
		method string
		path   string
		ctype  string
		body   string
		header string // one more header field, "Name: value"
		status int
		has    string // in the body, or in the header if it is "Name: value"
	}{
		{"page", "GET", "/", "", "", "", 200, "<title>apiece blog</title>"},
		{"health", "GET", "/healthz", "", "", "", 200, "ok"},
		{"unknown page", "GET", "/nowhere", "", "", "", 404, "not found"},
		{"unknown route", "GET", "/api/nowhere", "", "", "", 404, `"status":404`},

		{"list", "GET", "/api/posts", "", "", "", 200, `"title":"Routes"`},
		{"head", "HEAD", "/api/posts", "", "", "", 200, "Content-Type: application/json; charset=utf-8"},
		{"options", "OPTIONS", "/api/posts", "", "", "", 204, "Allow: GET, HEAD, OPTIONS, POST"},
		{"wrong method", "PUT", "/api/posts", "", "", "", 405, "Allow: GET, HEAD, OPTIONS, POST"},
		{"what the methods are", "PUT", "/api/posts", "", "", "", 405, `"detail":"The methods of this resource are GET, HEAD, OPTIONS, POST"`},
		{"create", "POST", "/api/posts", "application/json", `{"title":"T","text":"x"}`, "", 201, `"tags":[]`},
		{"create by form", "POST", "/api/posts", "application/x-www-form-urlencoded", "title=T&text=x&tags=a&tags=b", "", 201, `"tags":["a","b"]`},
		{"bad JSON", "POST", "/api/posts", "application/json", `{"title":`, "", 400, "Invalid JSON"},
		{"wrong field type", "POST", "/api/posts", "application/json", `{"title":7,"text":"x"}`, "", 400, `"path":"/title"`},
		{"broken rule", "POST", "/api/posts", "application/json", `{"title":"T"}`, "", 422, `"path":"/text"`},
		{"wrong content type", "POST", "/api/posts", "image/png", "x", "", 415, `"status":415`},
		{"too large", "POST", "/api/posts", "application/json", strings.Repeat(" ", 1<<20) + "{}", "", 413, "Body exceeded 1mb limit"},

		{"post", "GET", "/api/post/1", "", "", "", 200, `"title":"Hello"`},
		{"slash", "GET", "/api/post/1/", "", "", "", 200, `"title":"Hello"`},
		{"put", "PUT", "/api/post/2", "application/json", `{"title":"T2","text":"y"}`, "", 200, `"id":2,"title":"T2","text":"y","tags":[]`},
		{"put without all", "PUT", "/api/post/2", "application/json", `{"title":"T2"}`, "", 422, `"path":"/text"`},
		{"put an id", "PUT", "/api/post/2", "application/json", `{"ID":1,"title":"T","text":"y"}`, "", 200, `"id":2`},
		{"put nowhere", "PUT", "/api/post/999", "application/json", `{"title":"T2","text":"y"}`, "", 404, "No such post"},
		{"patch", "PATCH", "/api/post/2", "application/json", `{"tags":["x"]}`, "", 200, `"title":"T","text":"y","tags":["x"]`},
		{"patch with null", "PATCH", "/api/post/2", "application/json", `{"title":null,"tags":null}`, "", 200, `"title":"T","text":"y","tags":[]`},
		{"patch with nothing in it", "PATCH", "/api/post/2", "application/json", `{"title":""}`, "", 422, `"path":"/title"`},
		{"patch with a wrong type", "PATCH", "/api/post/2", "application/json", `{"tags":"x"}`, "", 400, `"path":"/tags"`},
		{"delete", "DELETE", "/api/post/2", "", "", "", 405, "Allow: GET, HEAD, OPTIONS, PATCH, PUT"},

		{"upload", "POST", "/api/upload", `multipart/form-data; boundary=b`, file("cat.txt", "meow"), "", 200, `{"name":"cat.txt","size":4,"sha256":"` + hash("meow") + `"}`},
		{"upload without a file", "POST", "/api/upload", `multipart/form-data; boundary=b`, "--b--\r\n", "", 422, `"path":"/file"`},
		{"upload of JSON", "POST", "/api/upload", "application/json", `{"file":"x"}`, "", 415, `"status":415`},
		{"upload too large", "POST", "/api/upload", `multipart/form-data; boundary=b`, file("x", strings.Repeat("x", 8<<20+1)), "", 413, `"status":413`},
		{"feed of an unknown topic", "GET", "/api/feed?topic=x", "", "", "", 422, `"in":"query","path":"/topic`},
		{"source", "GET", "/source/putPost,wholePost", "", "", "", 200, `"file":"posts.go"`},
		{"no source", "GET", "/source/main", "", "", "", 404, "No such function"},

		{"no such post", "GET", "/api/post/999", "", "", "", 404, "No such post"},
		{"no number", "GET", "/api/post/x", "", "", "", 400, `"in":"path","path":"/pid"`},
		{"catch-all", "GET", "/api/post/a/b/c", "", "", "", 200, "Post: a, b, c"},
		{"escaped slash", "GET", "/api/post/a%2Fb/c", "", "", "", 200, "Post: a/b, c"},
		{"optional catch-all", "GET", "/api/docs", "", "", "", 200, "{}"},
		{"its value", "GET", "/api/docs/a/b?x=1", "", "", "", 200, `{"slug":["a","b"],"x":["1"]}`},
		{"spoofed", "GET", "/api/docs?slug=x", "", "", "", 200, "{}"},

		{"contact", "POST", "/api/contact", "application/x-www-form-urlencoded", "email=me@example.com&message=Hi", "", 303, "Location: /?sent=1"},
		{"contact next", "POST", "/api/contact", "application/x-www-form-urlencoded", "email=me@example.com&message=Hi&next=/thanks", "", 303, "Location: /thanks"},
		{"contact elsewhere", "POST", "/api/contact", "application/x-www-form-urlencoded", "email=me@example.com&message=Hi&next=//evil.example", "", 303, "Location: /?sent=1"},
		{"bad address", "POST", "/api/contact", "application/x-www-form-urlencoded", "email=me&message=Hi", "", 422, `"path":"/email"`},
		{"bad escape", "POST", "/api/contact", "application/x-www-form-urlencoded", "email=%zz", "", 400, "Invalid body"},

		{"set theme", "POST", "/api/theme", "application/json", `{"theme":"dark"}`, "", 204, "Set-Cookie: theme=dark; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"},
		{"read theme", "GET", "/api/theme", "", "", "Cookie: theme=dark", 200, `{"theme":"dark"}`},
		{"no theme", "GET", "/api/theme", "", "", "", 200, "{}"},
		{"bad theme", "POST", "/api/theme", "application/json", `{"theme":"blue"}`, "", 422, "light dark"},

		{"webhook", "POST", "/api/webhook", "application/json", delivery, "X-Hub-Signature-256: " + sign(delivery, webhookSecret), 200, `"action":"opened"`},
		{"forged", "POST", "/api/webhook", "application/json", delivery, "X-Hub-Signature-256: " + sign(delivery, "guess"), 403, "Verification failed"},
		{"unsigned", "POST", "/api/webhook", "application/json", delivery, "", 403, "Verification failed"},

		{"feed", "POST", "/api/feed", "", "", "", 405, "Allow: GET, HEAD, OPTIONS"},
		{"quick enough", "GET", "/api/slow?ms=1", "", "", "", 200, `{"ms":1}`},
		{"too slow", "GET", "/api/slow?ms=1500", "", "", "", 504, "Gateway Timeout"},
		{"slow without a number", "GET", "/api/slow?ms=abc", "", "", "", 400, "ms is a number from 0 to 5000"},
		{"slower than it can be", "GET", "/api/slow?ms=5001", "", "", "", 400, "ms is a number from 0 to 5000"},
		{"not slow", "GET", "/api/slow", "", "", "", 200, `{"ms":0}`},
		{"small enough", "GET", "/api/big?kb=64", "", "", "", 200, "xxx"},
		{"less than nothing", "GET", "/api/big?kb=-1", "", "", "", 400, "kb is a number from 0 to 8192"},
		{"too big", "GET", "/api/big?kb=65", "", "", "", 500, `"status":500`},
	}
	server := httptest.NewServer(New(Config{Logger: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, server.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.ctype != "" {
				r.Header.Set("Content-Type", tt.ctype)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok {
				r.Header.Set(name, value)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			found := bytes.Contains(body, []byte(tt.has))
			if name, value, ok := strings.Cut(tt.has, ": "); ok && !found {
				found = resp.Header.Get(name) == value
			}
			if resp.StatusCode != tt.status || !found {
				t.Errorf("%s %s: %d %v %.300s, want %d with %s", tt.method, tt.path, resp.StatusCode, resp.Header, body, tt.status, tt.has)
			}
		})
	}
}

// file is a form with one file, whose boundary is b.
func file(name, text string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + text + "\r\n--b--\r\n"
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// TestPageSources: the Go code that the page shows exists.
func TestPageSources(t *testing.T) {
	names := regexp.MustCompile(`data-source="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if cards := strings.Count(page, `class="route"`); len(names) != cards {
		t.Errorf("%d of %d cards show their code", len(names), cards)
	}
	for _, list := range names {
		for name := range strings.SplitSeq(list[1], ",") {
			if _, ok := declarations[name]; !ok {
				t.Errorf("the page shows %s, which is not there", name)
			}
		}
	}
}

// TestTypes writes the types of the routes, which the script of the page is checked against.
func TestTypes(t *testing.T) {
	typescript.CheckWith(t, "api.ts", New(Config{Logger: slog.New(slog.DiscardHandler)}).api(), typescript.Config{TypesOnly: true})
}
