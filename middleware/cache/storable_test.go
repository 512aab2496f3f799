package cache_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// set returns a handler that sets header fields, "Name: value", and writes.
func set(fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.Header().Add(name, value)
		}
		io.WriteString(w, "body")
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// TestStoredOrNot sends each request twice.
func TestStoredOrNot(t *testing.T) {
	lasting := func(p cache.Lifetime, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			cache.SetLifetime(r.Context(), p)
			h(w, r)
		}
	}
	tests := []struct {
		name    string
		method  string
		fields  []string // of the request
		handler http.HandlerFunc
		stored  bool
		why     string
	}{
		{"plain", "GET", nil, set(), true, "the lifetime of the config"},
		{"post", "POST", nil, set(), false, "not safe"},
		{"options", "OPTIONS", nil, set(), false, "nothing to keep"},
		{"203", "GET", nil, status(203), true, ""},
		{"301", "GET", nil, status(301), true, "moved for good"},
		{"308", "GET", nil, status(308), true, "moved for good"},
		{"404", "GET", nil, status(404), true, "as a page"},
		{"410", "GET", nil, status(410), true, "as a page"},
		{"201", "GET", nil, status(201), false, "something was made"},
		{"202", "GET", nil, status(202), false, "not the last word"},
		{"204", "GET", nil, status(204), false, "next CVE-2025-49826: an empty page for everybody"},
		{"206", "GET", nil, status(206), false, "a part"},
		{"302", "GET", nil, status(302), false, "for now; often to a login"},
		{"304", "GET", nil, status(304), false, "nothing by itself"},
		{"307", "GET", nil, status(307), false, "for now"},
		{"400", "GET", nil, status(400), false, "this request's fault"},
		{"401", "GET", nil, status(401), false, "this client's"},
		{"403", "GET", nil, status(403), false, "this client's"},
		{"429", "GET", nil, status(429), false, "this client's"},
		{"500", "GET", nil, status(500), false, "an accident"},
		{"503", "GET", nil, status(503), false, "an accident"},

		{"no-store", "GET", nil, set("Cache-Control: no-store"), false, ""},
		{"upper case", "GET", nil, set("Cache-Control: No-Store"), false, "directives are of any case"},
		{"second line", "GET", nil, set("Cache-Control: public", "Cache-Control: private"), false, "lines are one list"},
		{"in a list", "GET", nil, set("Cache-Control: max-age=60 , no-cache"), false, ""},
		{"named field", "GET", nil, set(`Cache-Control: private="x-user, x-name", max-age=60`), false, "more than it asks for, and safe"},
		{"quoted", "GET", nil, set(`Cache-Control: ext="a, no-store, b"`), true, "an argument is no directive"},
		{"escaped quote", "GET", nil, set(`Cache-Control: ext="a\", b", no-store`), false, ""},
		{"open quote", "GET", nil, set(`Cache-Control: ext="a, no-store`), false, "the safe reading of what is broken"},
		{"no-store and lifetime", "GET", nil, lasting(cache.Lifetime{TTL: time.Hour}, set("Cache-Control: no-store")), false, "a Lifetime does not lift it"},
		{"max-age=0 and lifetime", "GET", nil, lasting(cache.Lifetime{TTL: time.Hour}, set("Cache-Control: max-age=0, must-revalidate")), true, "that was for browsers"},
		{"lifetime says no", "GET", nil, lasting(cache.Lifetime{TTL: -1}, set("Cache-Control: max-age=60")), false, ""},
		{"max-age", "GET", nil, set("Cache-Control: max-age=60"), true, ""},
		{"max-age=0", "GET", nil, set("Cache-Control: max-age=0"), false, "stale when made"},
		{"twice, once 0", "GET", nil, set("Cache-Control: max-age=60, max-age=0"), false, "the lesser"},
		{"bad max-age", "GET", nil, set("Cache-Control: max-age=soon"), false, "a lifetime that cannot be read is none"},
		{"negative max-age", "GET", nil, set("Cache-Control: max-age=-1"), false, "likewise"},
		{"large max-age", "GET", nil, set("Cache-Control: max-age=99999999999999999999"), true, "for ever"},
		{"s-maxage=0", "GET", nil, set("Cache-Control: max-age=60, s-maxage=0"), false, "what is for us counts"},
		{"s-maxage", "GET", nil, set("Cache-Control: max-age=0, s-maxage=60"), true, "what is for us counts"},
		{"expired", "GET", nil, set("Expires: 0"), false, "no date is the past"},
		{"expires", "GET", nil, set("Expires: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), true, ""},

		{"set-cookie", "GET", nil, set("Set-Cookie: a=1"), false, "or two clients share a session"},
		{"set-cookie, public", "GET", nil, set("Set-Cookie: a=1", "Cache-Control: public, max-age=60"), false, "still"},
		{"vary *", "GET", nil, set("Vary: *"), false, "unknowable"},
		{"vary *, in a list", "GET", nil, set("Vary: Accept, *"), false, "unknowable"},
		{"trailer", "GET", nil, set("Trailer: X-Sum"), false, "would be lost"},
		{"late trailer", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
		}, false, "would be lost"},
		{"event stream", "GET", nil, set("Content-Type: Text/Event-Stream"), false, "has no end"},
		{"flushed", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "body")
			w.(http.Flusher).Flush()
		}, true, "it is whole all the same"},
		{"flushed, and then too large", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Write(make([]byte, 1000))
		}, false, "BodyLimit"},
		{"short", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "body")
		}, false, "broken"},
		{"failed half-way", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "part")
			http.Error(w, "failed", http.StatusInternalServerError)
		}, false, "the status came too late, and a part must not be shown for an hour"},
		{"largest", "GET", nil, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1000)) }, true, "BodyLimit"},
		{"too large", "GET", nil, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1001)) }, false, "BodyLimit"},
		{"too large, in parts", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				w.Write(make([]byte, 400))
			}
		}, false, "BodyLimit"},
		{"too large, declared", "GET", nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1001")
			w.Write(make([]byte, 1001))
		}, false, "BodyLimit"},
		{"silent", "GET", nil, func(w http.ResponseWriter, r *http.Request) {}, true, "an empty 200, as net/http has it"},

		{"cookie", "GET", []string{"Cookie: a=1"}, set(), false, "may be for this client"},
		{"authorization", "GET", []string{"Authorization: x"}, set(), false, "RFC 9111, section 3.5"},
		{"cookie, public", "GET", []string{"Cookie: a=1"}, set("Cache-Control: public"), true, "the handler says it is for all"},
		{"authorization, public", "GET", []string{"Authorization: x"}, set("Cache-Control: public, max-age=60"), true, ""},
		{"authorization, s-maxage", "GET", []string{"Authorization: x"}, set("Cache-Control: s-maxage=60"), false, "allowed by RFC 9111, but it does not say for all"},
		{"cookie, public lifetime", "GET", []string{"Cookie: a=1"}, lasting(cache.Lifetime{Public: true}, set()), true, ""},
		{"cookie, public, private", "GET", []string{"Cookie: a=1"}, lasting(cache.Lifetime{Public: true}, set("Cache-Control: private")), false, "private wins"},

		{"range", "GET", []string{"Range: bytes=0-1"}, set(), false, "goes past"},
		{"if-match", "GET", []string{`If-Match: "1"`}, set(), false, "goes past: the answer may be 412"},
		{"if-unmodified-since", "GET", []string{"If-Unmodified-Since: x"}, set(), false, "likewise"},
		{"upgrade", "GET", []string{"Connection: Upgrade", "Upgrade: websocket"}, set(), false, "goes past"},
		{"request no-store", "GET", []string{"Cache-Control: no-store"}, set(), false, "the client's wish about its own response"},
		{"request no-cache", "GET", []string{"Cache-Control: no-cache", "Pragma: no-cache"}, set(), true, "anybody can send that"},
		{"request max-age=0", "GET", []string{"Cache-Control: max-age=0"}, set(), true, "anybody can send that"},
		{"long variant", "GET", []string{"User-Agent: " + strings.Repeat("x", 9000)}, set("Vary: User-Agent"), false, "anybody can make up as many as they like"},
		{"if-none-match", "GET", []string{`If-None-Match: "1"`}, set(`ETag: "2"`), true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := forAnHour()
			cfg.BodyLimit = 1000
			s := newSite(cfg, tt.handler)
			one := s.do(request(tt.method, "/", tt.fields...))
			two := s.do(request(tt.method, "/", tt.fields...))
			if stored := s.runs.Load() == 1; stored != tt.stored {
				t.Errorf("stored %t: %s", stored, tt.why)
			}
			if one.Code != two.Code || one.Body.String() != two.Body.String() {
				t.Errorf("%d %.20q, and then %d %.20q", one.Code, one.Body, two.Code, two.Body)
			}
			hit := strings.Contains(two.Header().Get("Cache-Status"), "hit")
			stored := strings.Contains(one.Header().Get("Cache-Status"), "stored")
			if hit != tt.stored || stored != tt.stored && tt.name != "flushed" {
				t.Errorf("Cache-Status %q, and then %q", one.Header()["Cache-Status"], two.Header()["Cache-Status"])
			}
		})
	}
}

func TestLifetimeUnstated(t *testing.T) {
	s := newSite(cache.Config{}, nil)
	s.shows(t, "/", "run 1", "apiece; fwd=miss; detail=no-lifetime")
	s.shows(t, "/", "run 2", "apiece; fwd=miss; detail=no-lifetime")
}

// TestRequestWithABody: a handler may read the body of a GET request, which is not part
// of the key.
func TestRequestWithABody(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	for _, body := range []string{"poison", ""} {
		r := request("GET", "/")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if w := s.do(r); w.Body.String() != body {
			t.Errorf("got %q, want %q", w.Body, body)
		}
	}
	r := request("GET", "/")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("chunks")), -1
	if w := s.do(r); w.Body.String() != "chunks" {
		t.Errorf("got %q", w.Body)
	}
}

// TestCredentialsServedIfPublic: a response to a request without credentials is served to
// requests with credentials only if it is public.
func TestCredentialsServedIfPublic(t *testing.T) {
	for _, public := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			cfg := forAnHour()
			cfg.Lifetime.Public = public
			s := newSite(cfg, nil)
			s.get("/")
			want := map[bool]string{false: "run 2", true: "run 1"}[public]
			if w := s.get("/", "Cookie: user=alice"); w.Body.String() != want {
				t.Errorf("public %t: with a cookie %q, want %q", public, w.Body, want)
			}
			s.shows(t, "/", "run 1", "apiece; hit; ttl=3600")
		})
	}
}

// TestClientCertificates: client certificates are credentials, as cookies are.
func TestClientCertificates(t *testing.T) {
	for _, public := range []bool{false, true} {
		cfg := forAnHour()
		cfg.Lifetime.Public = public
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "for ", r.TLS.PeerCertificates[0].Subject.CommonName)
		})
		for _, name := range []string{"alice", "bob"} {
			r := request("GET", "/")
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: pkix.Name{CommonName: name}}}}
			want := "for " + name
			if public {
				want = "for alice"
			}
			if w := s.do(r); w.Body.String() != want {
				t.Errorf("public %t: %s got %q, want %q", public, name, w.Body, want)
			}
		}
	}
}

// TestOuterHeaderIsNotStored: header fields that layers outside have set for one client
// are not stored.
func TestOuterHeaderIsNotStored(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		w.Header().Set("X-Own", "handler")
		fmt.Fprint(w, "body")
	})
	outside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Vary", "Origin")
		w.Header().Set("X-Own", "outside")
		w.Header().Set("X-Request-Id", r.Header.Get("X-Request-Id"))
		if r.URL.Path == "/private" {
			w.Header().Set("Cache-Control", "no-store")
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		}
		s.ServeHTTP(w, r)
	})
	both := &site{Handler: outside}
	for _, id := range []string{"1", "2"} {
		w := both.get("/", "X-Request-Id: "+id)
		h := w.Header()
		if h.Get("X-Request-Id") != id || h.Get("X-Own") != "handler" || fmt.Sprint(h["Vary"]) != "[Origin Accept]" {
			t.Errorf("request %s got %v", id, h)
		}
	}
	if n := s.runs.Load(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	both.get("/private")
	both.get("/private")
	cookies := &site{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "outside", Value: "1"})
		newSite(forAnHour(), set("Set-Cookie: inside=1")).ServeHTTP(w, r)
	})}
	if got := cookies.get("/").Result().Header["Set-Cookie"]; fmt.Sprint(got) != "[outside=1 inside=1]" {
		t.Errorf("cookies %q: everybody adds to them", got)
	}
	if n := s.runs.Load(); n != 3 {
		t.Errorf("%d runs, want 3: a layer outside has forbidden to store", n)
	}
}

// TestHeaderAfterWriteHeader: header fields set after WriteHeader are not part of the
// response, and are not stored either.
func TestHeaderAfterWriteHeader(t *testing.T) {
	for _, size := range []int{4, 2000} { // stored, and too large
		cfg := forAnHour()
		cfg.BodyLimit = 1000
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Early", "1")
			w.Write(make([]byte, 4))
			w.Header().Set("Set-Cookie", "late=1")
			w.Header().Set("X-Early", "2")
			w.Write(make([]byte, size-4))
		})
		for range 2 {
			if h := s.get("/").Result().Header; h["Set-Cookie"] != nil || h.Get("X-Early") != "1" {
				t.Errorf("%d bytes: %v", size, h)
			}
		}
	}
}

// TestHopByHopFields: header fields of one connection are not replayed on others.
func TestHopByHopFields(t *testing.T) {
	s := newSite(forAnHour(), set("Connection: close", "Keep-Alive: timeout=5", "X-Kept: 1"))
	s.get("/")
	if h := s.get("/").Header(); h["Connection"] != nil || h["Keep-Alive"] != nil || h["X-Kept"] == nil {
		t.Errorf("%v", h)
	}
}
