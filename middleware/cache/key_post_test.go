package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

func posted(body string, fields ...string) *http.Request {
	r := request("POST", "/graphql", append([]string{"Content-Type: application/json"}, fields...)...)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	return r
}

func postedTo(query, body string) *http.Request {
	r := posted(body)
	r.URL.RawQuery = strings.TrimPrefix(query, "?")
	r.RequestURI = r.URL.RequestURI()
	return r
}

// TestPostStored sends each pair of requests, and checks whether the second gets the
// response to the first.
func TestPostStored(t *testing.T) {
	const query = `{"query":"query Post($id: ID!) { post(id: $id) { title } }","variables":{"id":1}}`
	tests := []struct {
		name     string
		one, two *http.Request
		stored   bool
		why      string
	}{
		{"same", posted(query), posted(query), true, ""},
		{"other order and blanks", posted(query), posted(`{ "variables" : {"id": 1},` + "\n" + ` "query":"query Post($id: ID!) { post(id: $id) { title } }"}`), true, "JSON has no order"},
		{"other variables", posted(query), posted(strings.Replace(query, "1}", "2}", 1)), false, ""},
		{"another number", posted(query), posted(strings.Replace(query, "1}", "1.0}", 1)), false, "as it is written"},
		{"short form", posted(`{"query":"{ me }"}`), posted(`{"query":"{ me }"}`), true, ""},
		{"mutation", posted(`{"query":"mutation { like }"}`), posted(`{"query":"mutation { like }"}`), false, "it changes something"},
		{"mutation behind a query", posted(`{"query":"query A { a } mutation B { b }","operationName":"B"}`), posted(`{"query":"query A { a } mutation B { b }","operationName":"B"}`), false, ""},
		{"mutation behind a comment", posted(`{"query":"# {\nmutation { b }"}`), posted(`{"query":"# {\nmutation { b }"}`), false, ""},
		{"mutation behind a string", posted(`{"query":"query A { a(x: \"}\") } mutation B { b }"}`), posted(`{"query":"query A { a(x: \"}\") } mutation B { b }"}`), false, ""},
		{"subscription", posted(`{"query":"subscription { b }"}`), posted(`{"query":"subscription { b }"}`), false, ""},
		{"fragment", posted(`{"query":"fragment F on Post { title } query { a { ...F } }"}`), posted(`{"query":"fragment F on Post { title } query { a { ...F } }"}`), true, ""},
		{"the word in a field", posted(`{"query":"{ mutation }"}`), posted(`{"query":"{ mutation }"}`), true, ""},
		{"twice", posted(`{"query":"{ a }","query":"{ b }"}`), posted(`{"query":"{ a }","query":"{ b }"}`), false, "which one is read?"},
		{"in two cases", posted(`{"query":"{ a }","Query":"mutation { b }"}`), posted(`{"query":"{ a }","Query":"mutation { b }"}`), false, "encoding/json takes the last"},
		{"extensions", posted(`{"query":"{ a }","extensions":{}}`), posted(`{"query":"{ a }","extensions":{}}`), false, "it may be the hash of a mutation"},
		{"batch", posted(`[{"query":"{ a }"}]`), posted(`[{"query":"{ a }"}]`), false, ""},
		{"no JSON", posted(`{"query":`), posted(`{"query":`), false, ""},
		{"nothing", posted(``), posted(``), false, ""},
		{"too long", posted(`{"query":"{ a }","operationName":"` + strings.Repeat("x", 70000) + `"}`), posted(`{"query":"{ a }","operationName":"` + strings.Repeat("x", 70000) + `"}`), false, "64 KB"},
		{"form", posted("query={a}", "Content-Type: application/x-www-form-urlencoded"), posted("query={a}"), false, ""},
		{"cookie", posted(query, "Cookie: a=1"), posted(query, "Cookie: a=1"), false, "may be for this client"},
		{"mutation in the URL", postedTo("?query=mutation{like}", `{"query":"{ a }"}`), postedTo("?query=mutation{like}", `{"query":"{ a }"}`), false, "some servers look there first"},
		{"extensions in the URL", postedTo("?extensions={}", `{"query":"{ a }"}`), postedTo("?extensions={}", `{"query":"{ a }"}`), false, ""},
		{"a name in the URL", postedTo("?op=A", query), postedTo("?op=A", query), true, ""},
		{"another name in the URL", postedTo("?op=A", query), postedTo("?op=B", query), false, "it is part of the key"},
		{"compressed", posted(query, "Content-Encoding: gzip"), posted(query, "Content-Encoding: gzip"), false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := forAnHour()
			cfg.Post = cache.GraphQL
			var read []string
			s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || r.ContentLength != int64(len(body)) {
					t.Errorf("%d of %d bytes, %v", len(body), r.ContentLength, err)
				}
				read = append(read, string(body))
				fmt.Fprint(w, "run ", len(read), " ", len(body))
			})
			want, _ := io.ReadAll(tt.one.Body)
			tt.one.Body = io.NopCloser(strings.NewReader(string(want)))
			one, two := s.do(tt.one).Body.String(), s.do(tt.two).Body.String()
			if stored := one == two; stored != tt.stored {
				t.Errorf("%q, and then %q: %s", one, two, tt.why)
			}
			if !tt.stored && tt.name != "other variables" && tt.name != "another number" && tt.name != "another name in the URL" && tt.name != "cookie" && read[0] != string(want) {
				t.Errorf("what passes is not as it came: %q", read[0])
			}
		})
	}
}

// TestPostCookies: a response that sets a cookie is never stored, and without Post no
// response to a POST is.
func TestPostCookies(t *testing.T) {
	cfg := forAnHour()
	cfg.Post = cache.JSON
	cfg.Lifetime.Public = true
	s := newSite(cfg, set("Set-Cookie: a=1", "Cache-Control: public, max-age=60"))
	s.do(posted(`{}`))
	s.do(posted(`{}`))
	tagged := newSite(cfg, set(`ETag: "1"`))
	for range 2 { // from the run, and from the store
		if w := tagged.do(posted(`{}`, `If-None-Match: "1"`)); w.Code != 200 || tagged.runs.Load() != 1 {
			t.Errorf("%d after %d runs: a 304 is for GET and HEAD", w.Code, tagged.runs.Load())
		}
	}
	plain := newSite(forAnHour(), nil)
	plain.do(posted(`{}`))
	plain.do(posted(`{}`))
	if s.runs.Load() != 2 || plain.runs.Load() != 2 {
		t.Errorf("%d and %d runs, want 2", s.runs.Load(), plain.runs.Load())
	}
}

// FuzzPost: two bodies with the same key have the same value, and the handler reads the
// value that was sent.
func FuzzPost(f *testing.F) {
	f.Add(`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`)
	f.Add(`{"query":"{ a(x: \"#\") }"}`, `{"query":"query { a }"}`)
	f.Add(`"\ud800"`, `"�"`)
	f.Fuzz(func(t *testing.T, one, two string) {
		r := posted("")
		a, okA := cache.JSON(r, []byte(one))
		b, okB := cache.JSON(r, []byte(two))
		for _, tt := range []struct {
			canonical []byte
			ok        bool
		}{{a, okA}, {b, okB}} {
			if again, ok := cache.JSON(r, tt.canonical); tt.ok && (!ok || string(again) != string(tt.canonical)) {
				t.Errorf("%q becomes %q", tt.canonical, again)
			}
		}
		if _, ok := cache.GraphQL(r, []byte(one)); ok && !strings.Contains(one, "{") {
			t.Errorf("%q passes for a query", one)
		}
	})
}

// TestPostForms: cached POST bodies need not be JSON. The handler sees the client's media
// type, which is part of the key; and a response with an ETag is revalidated without
// conditions, which have another meaning in a POST.
func TestPostForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour}}
		cfg.Post = func(r *http.Request, body []byte) ([]byte, bool) { return body, true }
		n := 0
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("Etag", `"1"`)
			text := fmt.Sprint(n, " ", r.FormValue("a"), " ", r.Header.Get("Content-Type"))
			http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader(text))
		})
		const form, text = "application/x-www-form-urlencoded", "text/plain"
		ask := func(contentType, want string) {
			t.Helper()
			r := posted("a=b")
			r.Header.Set("Content-Type", contentType)
			if got := s.do(r).Body.String(); got != want {
				t.Errorf("%s: %q, want %q", contentType, got, want)
			}
		}
		ask(form, "1 b "+form)
		ask(form, "1 b "+form)
		ask(text, "2  "+text)
		time.Sleep(2 * time.Minute)
		ask(form, "1 b "+form) // stale, and revalidated
		synctest.Wait()
		ask(form, "3 b "+form)
	})
}
