package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/typescript"
)

// TestRoutes sends every route one good request and the bad ones that people
// send first.
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
	server := httptest.NewServer(newBlog(slog.New(slog.DiscardHandler)).routes())
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

func sign(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// TestFeedAndShutdown: a new post reaches whoever listens, and an open feed
// does not keep the service from stopping.
func TestFeedAndShutdown(t *testing.T) {
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener) }()

	resp, err := http.Get("http://" + addr + "/api/feed")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if ctype := resp.Header.Get("Content-Type"); ctype != "text/event-stream" {
		t.Fatalf("Content-Type %q", ctype)
	}
	created, err := http.Post("http://"+addr+"/api/posts", "application/json", strings.NewReader(`{"title":"Live","text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	created.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), `"title":"Live"`) {
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Errorf("the feed did not end in good order: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestTypes keeps the types of the routes for the page, whose script is checked
// against them.
func TestTypes(t *testing.T) {
	typescript.CheckWith(t, "api.ts", newBlog(slog.New(slog.DiscardHandler)).api(), typescript.Config{TypesOnly: true})
}
