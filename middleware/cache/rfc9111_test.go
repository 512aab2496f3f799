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

// TestAgeOnArrival: RFC 9111, sections 1.2.2 and 5.1.
func TestAgeOnArrival(t *testing.T) {
	for _, tt := range []struct {
		age    string
		stored time.Duration // how long it is fresh, of the stated hour
		first  string        // Age of the stored response
	}{
		{"", time.Hour, ""},
		{"600", 50 * time.Minute, "600"},
		{"600, 0", 50 * time.Minute, "600"},
		{"7200, 0", 0, "7200"},
		{"2147483648", 0, "2147483647"},
		{"99999999999999999999", 0, "2147483647"},
		{"-1", time.Hour, ""},
		{"1.5", time.Hour, ""},
		{"soon", time.Hour, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(cache.Config{}, func(w http.ResponseWriter, r *http.Request) {
				if tt.age != "" {
					w.Header().Set("Age", tt.age)
				}
				set("Cache-Control: max-age=3600")(w, r)
			})
			for _, w := range s.together(3, plain) {
				if got := w.Header().Get("Age"); got != tt.first && !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
					t.Errorf("Age %q is passed on as %q, want %q", tt.age, got, tt.first)
				}
			}
			runs := s.runs.Load()
			if tt.stored > time.Second {
				time.Sleep(tt.stored - time.Second)
				if s.get("/"); s.runs.Load() != runs {
					t.Errorf("Age %q: not fresh for %v", tt.age, tt.stored)
				}
			}
			time.Sleep(2 * time.Second)
			if s.get("/"); s.runs.Load() == runs {
				t.Errorf("Age %q: fresh for longer than %v", tt.age, tt.stored)
			}
		})
	}
}

// TestExpiresLifetime: relative to the Date of the response, and parsed strictly (RFC
// 9111, section 5.3).
func TestExpiresLifetime(t *testing.T) {
	now := time.Now().UTC()
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, tt := range []struct {
		name   string
		fields []string
		stored bool
	}{
		{"plain", []string{"Expires: " + at(time.Hour)}, true},
		{"RFC 850", []string{"Expires: " + now.Add(time.Hour).Format("Monday, 02-Jan-06 15:04:05 GMT")}, true},
		{"ANSI C", []string{"Expires: " + now.Add(time.Hour).Format(time.ANSIC)}, true},
		{"a fast clock", []string{"Date: " + at(2*time.Hour), "Expires: " + at(time.Hour)}, false},
		{"a slow clock", []string{"Date: " + at(-2*time.Hour), "Expires: " + at(-time.Hour)}, true},
		{"equal", []string{"Date: " + at(0), "Expires: " + at(0)}, false},
		{"two lines", []string{"Expires: " + at(time.Hour), "Expires: " + at(2*time.Hour)}, false},
		{"two blanks", []string{"Expires: " + strings.Replace(at(time.Hour), " ", "  ", 1)}, false},
		{"one digit", []string{"Expires: Thu, 18 Aug 2050 2:01:18 GMT"}, false},
		{"another zone", []string{"Expires: Thu, 18 Aug 2050 02:01:18 CET"}, false},
		{"a number", []string{"Expires: 0"}, false},
		{"max-age over it", []string{"Expires: 0", "Cache-Control: max-age=60"}, true},
		{"targeted", []string{"Cdn-Cache-Control: max-age=60", "Expires: 0"}, true},
		{"targeted, short", []string{"Cdn-Cache-Control: max-age=0", "Cache-Control: max-age=60"}, false},
		{"targeted, private", []string{"Cdn-Cache-Control: private", "Cache-Control: max-age=60"}, false},
		{"private, targeted", []string{"Cdn-Cache-Control: max-age=60", "Cache-Control: private"}, false},
	} {
		s := newSite(cache.Config{}, set(tt.fields...))
		s.get("/")
		s.get("/")
		if stored := s.runs.Load() == 1; stored != tt.stored {
			t.Errorf("%s: stored %t, want %t", tt.name, stored, tt.stored)
		}
	}
}

// TestConnectionFields: fields named by Connection belong to one message (RFC 9111,
// section 3.1).
func TestConnectionFields(t *testing.T) {
	s := newSite(forAnHour(), set("Connection: X-Hop, close", "X-Hop: 1", "Proxy-Authenticate: Basic", "X-Kept: 1"))
	s.get("/")
	if h := s.get("/").Header(); h["X-Hop"] != nil || h["Proxy-Authenticate"] != nil || h["X-Kept"] == nil {
		t.Errorf("%v", h)
	}
}

// TestValidationRequests: the handler gets a conditional request for a stale page, and a
// 304 makes that fresh (RFC 9111, section 4.3).
func TestValidationRequests(t *testing.T) {
	for _, background := range []bool{false, true} {
		for _, validator := range []string{`Etag: "1"`, "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT"} {
			synctest.Test(t, func(t *testing.T) {
				version, asked := "1", 0
				cfg := cache.Config{Lifetime: cache.Lifetime{StaleWhileRevalidate: -1}}
				if background {
					cfg.Lifetime.StaleWhileRevalidate = time.Hour
				}
				name, value, _ := strings.Cut(validator, ": ")
				s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
					cache.Tag(r.Context(), "run")
					cache.SetLifetime(r.Context(), cache.Lifetime{TTL: 10 * time.Second})
					w.Header().Set("X-Run", fmt.Sprint(time.Now().Unix()))
					given := r.Header.Get("If-None-Match") + r.Header.Get("If-Modified-Since")
					if given != "" {
						asked++
						if given != value {
							t.Errorf("asked with %q", given)
						}
						if version == "1" {
							w.WriteHeader(http.StatusNotModified)
							return
						}
					}
					if version == "1" {
						w.Header().Set(name, value)
					}
					cache.Tag(r.Context(), "body")
					io.WriteString(w, "version "+version)
				})
				first := s.get("/").Header().Get("X-Run")
				for round := range 3 {
					time.Sleep(15 * time.Second)
					if w := s.get("/"); w.Body.String() != "version 1" || w.Code != 200 {
						t.Errorf("%d %q", w.Code, w.Body)
					} else if got := w.Header().Get("Cache-Status"); !background && got != "apiece; fwd=stale; fwd-status=304; stored" {
						t.Error(got)
					}
					synctest.Wait()
					if w := s.get("/"); w.Header().Get("X-Run") == first || w.Body.String() != "version 1" || w.Header().Get(name) != value {
						t.Errorf("round %d: %q %v", round, w.Body, w.Header())
					}
				}
				if asked != 3 {
					t.Errorf("asked %d times, want 3", asked)
				}
				version = "2"
				if err := s.InvalidateTag(t.Context(), "body"); err != nil { // of the run that made the body
					t.Fatal(err)
				}
				if got := s.get("/").Body.String(); got != "version 2" {
					t.Errorf("%q after an invalidation", got)
				}
				version = "1"
				if err := s.Revalidate(t.Context(), "/"); err != nil || asked != 3 {
					t.Errorf("%v: a revalidation on demand wants a new page", err)
				}
				s.Shutdown(t.Context())
			})
		}
	}
}

// TestRangesOfStoredResponse: ranges of a stored response do not run the handler (RFC
// 9110, section 14).
func TestRangesOfStoredResponse(t *testing.T) {
	const digits = "0123456789"
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		if r.Header["Range"] != nil && r.URL.Path != "/passed" {
			t.Error("the handler is to make the whole")
		}
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, digits)
	})
	s.get("/passed", "Range: bytes=0-1")
	s.get("/")
	runs := s.runs.Load()
	for _, tt := range []struct {
		fields []string
		status int
		body   string
		part   string
	}{
		{[]string{"Range: bytes=0-1"}, 206, "01", "bytes 0-1/10"},
		{[]string{"Range: bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range: bytes=8-"}, 206, "89", "bytes 8-9/10"},
		{[]string{"Range: bytes=20-"}, 416, "", "bytes */10"},
		{[]string{"Range: lines=1-2"}, 200, digits, ""},
		{[]string{"Range: bytes=0-1", `If-Range: "1"`}, 206, "01", "bytes 0-1/10"},
		{[]string{"Range: bytes=0-1", `If-Range: "2"`}, 200, digits, ""},
		{[]string{"Range: bytes=0-1", `If-None-Match: "1"`}, 304, "", ""},
		{[]string{"Range: bytes=0-1", `If-None-Match: "0", *`}, 206, "01", "bytes 0-1/10"},
		{[]string{"Range: bytes=0-1", `If-None-Match: "1"`, "Cache-Control: no-cache"}, 206, "01", "bytes 0-1/10"},
	} {
		w := s.get("/", tt.fields...)
		if w.Code != tt.status || tt.body != "" && w.Body.String() != tt.body || w.Header().Get("Content-Range") != tt.part {
			t.Errorf("%q: %d %q %q, want %d %q %q", tt.fields, w.Code, w.Body, w.Header().Get("Content-Range"), tt.status, tt.body, tt.part)
		}
		if tt.status == 206 && w.Header().Get("Content-Length") != fmt.Sprint(len(tt.body)) {
			t.Errorf("%q: length %s", tt.fields, w.Header().Get("Content-Length"))
		}
	}
	if w := s.do(request("HEAD", "/", "Range: bytes=0-1")); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
	if s.runs.Load() != runs {
		t.Errorf("%d runs for parts of what is stored", s.runs.Load()-runs)
	}
}

// TestAcceptInAnySpelling: equivalent requests share a response, and the handler sees the
// shared spelling.
func TestAcceptInAnySpelling(t *testing.T) {
	for _, tt := range []struct {
		name  string
		same  []string
		shown string
		other []string
	}{
		{"Accept-Encoding", []string{"gzip, deflate, br", "br,gzip,deflate", "GZIP, br , Deflate;q=1.0", "gzip;q=1, deflate, br;q=1.000"}, "br,deflate,gzip",
			[]string{"gzip", "gzip, deflate;q=0, br", "gzip, br, deflate;q=0.5", "", "gzip;q=x, br, deflate"}},
		{"Accept-Language", []string{"en-GB,en;q=0.5", "EN-gb, en;q=0.5", "en-gb , en; q=0.50", "en;q=0.5,en-GB"}, "en-GB,en;q=0.5",
			[]string{"en-GB", "en,en-GB;q=0.5", "en-GB,de;q=0.5"}},
		{"Accept-Language", []string{"zh-hant-tw, en", "ZH-HANT-TW,EN"}, "zh-Hant-TW,en", []string{"en, zh-hant-tw"}},
	} {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", tt.name)
			io.WriteString(w, r.Header.Get(tt.name))
		})
		for _, value := range tt.same {
			if w := s.get("/", tt.name+": "+value); w.Body.String() != tt.shown {
				t.Errorf("%q is shown as %q, want %q", value, w.Body, tt.shown)
			}
		}
		if n := s.runs.Load(); n != 1 {
			t.Errorf("%q: %d runs, want 1", tt.same, n)
		}
		for i, value := range tt.other {
			if s.get("/", tt.name+": "+value); s.runs.Load() != int64(i+2) {
				t.Errorf("%q is taken for another", value)
			}
		}
	}
}

// TestRequestNoStore: the response to a request with no-store is not stored, but a stored
// response is served to it: otherwise any client could run the handler each time.
func TestRequestNoStore(t *testing.T) {
	s := newSite(forAnHour(), nil)
	for _, step := range []struct{ field, want string }{
		{"Cache-Control: no-store", "run 1"}, {"Cache-Control: no-store", "run 2"}, {"X: 1", "run 3"}, {"Cache-Control: no-store", "run 3"},
	} {
		if got := s.get("/", step.field).Body.String(); got != step.want {
			t.Errorf("%s: %q, want %q", step.field, got, step.want)
		}
	}
}
