package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// TestConditionalRequests: the cache evaluates the conditions, which the handler does not
// see.
func TestConditionalRequests(t *testing.T) {
	const last = "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"
	tests := []struct {
		name    string
		has     []string // of the response
		asks    []string
		status  int
		private bool
		why     string
	}{
		{"etag", []string{`ETag: "1"`}, []string{`If-None-Match: "1"`}, 304, false, ""},
		{"other", []string{`ETag: "1"`}, []string{`If-None-Match: "2"`}, 200, false, ""},
		{"weak", []string{`ETag: W/"1"`}, []string{`If-None-Match: "1"`}, 304, false, "compared weakly (RFC 9110, 13.1.2)"},
		{"list", []string{`ETag: "1"`}, []string{`If-None-Match: "0" ,, W/"1"`}, 304, false, ""},
		{"lines", []string{`ETag: "1"`}, []string{`If-None-Match: "0"`, `If-None-Match: "1"`}, 304, false, ""},
		{"star", []string{`ETag: "1"`}, []string{"If-None-Match: *"}, 304, false, ""},
		{"star in a list", []string{`ETag: "1"`}, []string{`If-None-Match: "0", *`}, 200, false, "the star stands alone (RFC 9110, 13.1.2)"},
		{"reload", []string{`ETag: "1"`}, []string{`If-None-Match: "1"`, "Cache-Control: no-cache"}, 200, false, "wants the whole response"},
		{"reload, date", []string{last}, []string{"If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT", "Cache-Control: no-cache"}, 200, false, ""},
		{"comma inside", []string{`ETag: "a,b"`}, []string{`If-None-Match: "a,b"`}, 304, false, ""},
		{"part of a tag", []string{`ETag: "1"`}, []string{`If-None-Match: "1" "`}, 304, false, "what comes after it is no list"},
		{"no list", []string{`ETag: "1"`}, []string{"If-None-Match: 1"}, 200, false, ""},
		{"no end", []string{`ETag: "1"`}, []string{`If-None-Match: "1`}, 200, false, ""},
		{"no tag", nil, []string{`If-None-Match: "1"`}, 200, false, ""},
		{"empty", nil, []string{"If-None-Match: "}, 200, false, ""},
		{"date", []string{last}, []string{"If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT"}, 304, false, ""},
		{"later date", []string{last}, []string{"If-Modified-Since: Sat, 03 Jan 2026 03:04:05 GMT"}, 304, false, ""},
		{"earlier date", []string{last}, []string{"If-Modified-Since: Thu, 01 Jan 2026 03:04:05 GMT"}, 200, false, ""},
		{"bad date", []string{last}, []string{"If-Modified-Since: yesterday"}, 200, false, ""},
		{"tag over date", []string{last, `ETag: "1"`}, []string{`If-None-Match: "2"`, "If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT"}, 200, false, "RFC 9110, 13.2.2"},
		{"private", []string{`ETag: "1"`, "Cache-Control: private"}, []string{`If-None-Match: "1"`}, 304, true, "the handler was not asked here either"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
						t.Error("the handler answers for everybody, and was asked for one")
					}
					set(tt.has...)(w, r)
				})
				for range 2 { // from the run, and from the store
					r := request("GET", "/", append(tt.asks, "Host: a.test")...)
					if tt.private {
						s = newSite(forAnHour(), set(tt.has...))
					}
					resp := tr.Do(t, s, r)
					body := testkit.Body(t, resp)
					if resp.StatusCode != tt.status || (body == "") != (tt.status == 304) {
						t.Errorf("%d %q: %s", resp.StatusCode, body, tt.why)
					}
					if tt.status == 304 && (resp.Header.Get("Content-Type") != "" || resp.Header.Get("Etag") == "" && len(tt.has) == 1 && tt.has[0] != last) {
						t.Errorf("%v", resp.Header)
					}
				}
			})
		})
	}
}

// TestHeadFromStoredGet: the response to HEAD is that to GET without its body.
func TestHeadFromStoredGet(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		s := newSite(forAnHour(), set(`ETag: "1"`))
		client, base := tr.Serve(t, s)
		head := func() *http.Response {
			resp, err := client.Head(base + "/")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			return resp
		}
		if head(); s.runs.Load() != 1 {
			t.Error("HEAD with nothing stored has not run the handler")
		}
		get, err := client.Get(base + "/")
		if err != nil {
			t.Fatal(err)
		}
		testkit.Body(t, get)
		resp := head()
		if s.runs.Load() != 2 {
			t.Errorf("%d runs, want 2", s.runs.Load())
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Etag"} {
			if got := resp.Header.Get(name); got != get.Header.Get(name) || got == "" {
				t.Errorf("%s: %q for HEAD, %q for GET", name, got, get.Header.Get(name))
			}
		}
	})
}

// TestStoredResponseIsTheHandlers: a stored response is the handler's, on each protocol,
// byte for byte.
func TestStoredResponseIsTheHandlers(t *testing.T) {
	large := strings.Repeat("0123456789", 20000)
	for name, h := range map[string]http.HandlerFunc{
		"empty":   func(w http.ResponseWriter, r *http.Request) {},
		"sniffed": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<!doctype html><p>") },
		"untyped": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<p>")
		},
		"typed":     set("Content-Type: text/css", "X-A: 1", "X-A: 2"),
		"not found": http.NotFound,
		"moved":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/new", http.StatusMovedPermanently) },
		"large":     func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, large) },
		"copied":    func(w http.ResponseWriter, r *http.Request) { io.Copy(w, strings.NewReader(large)) },
		"second write": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.WriteHeader(404)
			io.WriteString(w, "x")
		},
		"bad status": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); io.WriteString(w, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				s := newSite(forAnHour(), h)
				plain := tr.Do(t, h, request("GET", "/"))
				first := tr.Do(t, s, request("GET", "/", "Host: a.test"))
				second := tr.Do(t, s, request("GET", "/", "Host: a.test"))
				want := testkit.Body(t, plain)
				for _, resp := range []*http.Response{first, second} {
					if got := testkit.Body(t, resp); got != want || resp.StatusCode != plain.StatusCode {
						t.Errorf("%d %.40q, want %d %.40q", resp.StatusCode, got, plain.StatusCode, want)
					}
					for _, name := range []string{"Cache-Status", "Age", "Date", "Content-Length", "Transfer-Encoding"} {
						resp.Header.Del(name)
						plain.Header.Del(name)
					}
					if _, typed := plain.Header["Content-Type"]; tr.Name == testkit.Recorder.Name && !typed {
						resp.Header.Del("Content-Type") // which net/http detects only sometimes
					}
					for name, values := range plain.Header {
						if strings.Join(resp.Header[name], "\n") != strings.Join(values, "\n") {
							t.Errorf("%s: %q, want %q", name, resp.Header[name], values)
						}
					}
					if len(resp.Header) != len(plain.Header) {
						t.Errorf("%v, want %v", resp.Header, plain.Header)
					}
				}
				if s.runs.Load() != 1 {
					t.Errorf("%d runs", s.runs.Load())
				}
			})
		})
	}
}

// TestTrailersReachTheFirstClient: the client that sent the request gets trailers,
// declared or not, as far as net/http sends them.
func TestTrailersReachTheFirstClient(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		for _, h := range []http.HandlerFunc{
			func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "body")
				w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
			},
			func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-Sum")
				io.WriteString(w, "body")
				w.Header().Set("X-Sum", "1")
			},
		} {
			plain := tr.Do(t, h, request("GET", "/"))
			testkit.Body(t, plain)
			s := newSite(forAnHour(), h)
			for range 2 {
				resp := tr.Do(t, s, request("GET", "/", "Host: a.test"))
				if body := testkit.Body(t, resp); body != "body" || resp.Trailer.Get("X-Sum") != plain.Trailer.Get("X-Sum") {
					t.Errorf("%q with trailers %v, want %v", body, resp.Trailer, plain.Trailer)
				}
			}
		}
	})
}

// TestHeaderThroughABuffer: a layer outside may send the header after the handler has
// returned, and must see it as it was sent.
func TestHeaderThroughABuffer(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		set("Cache-Control: private", `ETag: "1"`, "Content-Length: 4", "Vary: Accept", "Set-Cookie: inside=1")(w, r)
		w.Header().Set("X-Late", "1")
	})
	h := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := w.Header()
		set.Set("Vary", "Origin")
		set.Set("Set-Cookie", "outside=1")
		s.ServeHTTP(w, r)
	}), time.Minute, "")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("GET", "/", `If-None-Match: "1"`))
	got := w.Result().Header
	if w.Code != http.StatusNotModified || got["Content-Length"] != nil || got["X-Late"] != nil {
		t.Errorf("%d %v", w.Code, got)
	}
	if fmt.Sprint(got["Vary"], got["Set-Cookie"]) != "[Origin Accept] [outside=1 inside=1]" {
		t.Errorf("%v", got)
	}
}

// TestInvalidStatusIsNotStored: a response with an invalid status is not stored.
func TestInvalidStatusIsNotStored(t *testing.T) {
	for _, code := range []int{0, 42, 1000} {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			io.WriteString(w, "x")
		})
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d: no panic, as without a cache", code)
				}
			}()
			s.get("/")
		}()
	}
}

// TestEntriesAreImmutable: changes to the header of one response do not show in the next.
func TestEntriesAreImmutable(t *testing.T) {
	s := newSite(forAnHour(), set("X-A: 1"))
	for range 3 {
		w := s.get("/")
		for _, values := range w.Header() {
			for i := range values {
				values[i] = "changed"
			}
		}
		body := w.Body.Bytes()
		for i := range body {
			body[i] = 'x'
		}
	}
	if w := s.get("/"); w.Header().Get("X-A") != "1" || w.Body.String() != "body" {
		t.Errorf("%v %q", w.Header(), w.Body)
	}
}

// TestForeignResponseWriters: the cache works with any wrapper between it and the server.
func TestForeignResponseWriters(t *testing.T) {
	for name, foreign := range testkit.Foreign() {
		s := newSite(forAnHour(), set("ETag: x"))
		h := foreign(s)
		for range 2 {
			resp := testkit.HTTP1.Do(t, h, request("GET", "/", "Host: a.test"))
			if body := testkit.Body(t, resp); body != "body" || resp.Header.Get("Etag") != "x" {
				t.Errorf("%s: %q %v", name, body, resp.Header)
			}
		}
		if s.runs.Load() != 1 {
			t.Errorf("%s: %d runs", name, s.runs.Load())
		}
	}
}

// TestContentLengthInvalid: an invalid Content-Length is replaced by the length of the
// body.
func TestContentLengthInvalid(t *testing.T) {
	for _, length := range []string{"abc", "-5", "4, 4", "99999999999999999999", ""} {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Length"] = []string{length}
			io.WriteString(w, "body")
		})
		s.get("/")
		if got := s.get("/").Header()["Content-Length"]; len(got) != 1 || got[0] != "4" {
			t.Errorf("%q: %q", length, got)
		}
	}
}

// TestContentLengthExceeded: net/http refuses writes beyond the declared length and keeps
// the rest, so a handler that responds twice has responded once.
func TestContentLengthExceeded(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "whole")
			if n, err := io.WriteString(w, "again"); n != 0 || err != http.ErrContentLength {
				t.Errorf("%d, %v", n, err)
			}
		})
		for range 2 {
			if body := testkit.Body(t, tr.Do(t, s, request("GET", "/", "Host: a.test"))); body != "whole" {
				t.Errorf("%q", body)
			}
		}
		if n := s.runs.Load(); n != 1 {
			t.Errorf("%d runs", n)
		}
	})
}
