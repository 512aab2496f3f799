package reply_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type cycle struct{ Next *cycle }

type badMarshaler struct{ err error }

func (b badMarshaler) MarshalJSON() ([]byte, error) { return nil, b.err }

type panickingMarshaler struct{}

func (panickingMarshaler) MarshalJSON() ([]byte, error) { panic("boom") }

func TestSendBodies(t *testing.T) {
	const problem = `{"title":"Internal Server Error","status":500}`
	loop := &cycle{}
	loop.Next = loop
	tests := []struct {
		name   string
		set    string // a Content-Type set before
		status int
		body   any
		want   int
		ctype  string
		text   string
		tagged bool
		fails  bool
		why    string
	}{
		{"string", "", 200, "<script>", 200, "text/plain; charset=utf-8", "<script>", true, false, "never sniffed as HTML"},
		{"string with type", "text/html", 200, "<b>", 200, "text/html", "<b>", true, false, "a type that is set stays"},
		{"empty string", "", 200, "", 200, "text/plain; charset=utf-8", "", true, false, "is a body of length 0"},
		{"bytes", "", 200, []byte{0, 1}, 200, "application/octet-stream", "\x00\x01", true, false, "not text"},
		{"bytes with type", "image/png", 200, []byte{0}, 200, "image/png", "\x00", true, false, "a type that is set stays"},
		{"typed", "", 200, reply.Typed{Type: "text/html; charset=utf-8", Text: "<b>"}, 200, "text/html; charset=utf-8", "<b>", true, false, "of its type"},
		{"typed with type", "text/css", 200, reply.Typed{Type: "text/html", Text: "<b>"}, 200, "text/html", "<b>", true, false, "what is said last holds"},
		{"typed without one", "", 200, reply.Typed{Text: "<b>"}, 200, "text/plain; charset=utf-8", "<b>", true, false, "as the string"},
		{"typed without one, with type", "text/html", 200, reply.Typed{Text: "<b>"}, 200, "text/html", "<b>", true, false, "as the string"},
		{"raw JSON", "text/html", 200, json.RawMessage(`{"a": 1}`), 200, "application/json; charset=utf-8", `{"a": 1}`, true, false, "byte for byte"},
		{"bad raw JSON", "", 200, json.RawMessage(`{`), 500, "application/problem+json", problem, false, true, "must not reach a client as JSON"},
		{"empty raw JSON", "", 200, json.RawMessage{}, 500, "application/problem+json", problem, false, true, "is no JSON text"},
		{"nil", "", 404, nil, 404, "", "", false, false, "a status alone"},
		{"reader", "", 200, strings.NewReader("abc"), 200, "application/octet-stream", "abc", false, false, "streamed"},
		{"struct", "", 201, struct {
			A string `json:"a"`
		}{"<&>\u2028"}, 201, "application/json; charset=utf-8", `{"a":"<&>` + `\u2028` + `"}`, true, false, "JSON, not HTML"},
		{"number", "", 200, 0, 200, "application/json; charset=utf-8", "0", true, false, "JSON"},
		{"nil pointer", "", 200, (*cycle)(nil), 200, "application/json; charset=utf-8", "null", true, false, "a value, and its JSON is null"},
		{"nil slice", "", 200, []string(nil), 200, "application/json; charset=utf-8", "null", true, false, "as encoding/json has it"},
		{"error", "", 200, errors.New("secret"), 500, "application/problem+json", problem, false, true, "would be {} and a lost cause"},
		{"channel", "", 200, make(chan int), 500, "application/problem+json", problem, false, true, "no JSON form"},
		{"NaN", "", 200, math.NaN(), 500, "application/problem+json", problem, false, true, "no JSON form"},
		{"cycle", "", 200, loop, 500, "application/problem+json", problem, false, true, "no end"},
		{"failing marshaler", "", 200, badMarshaler{errors.New("secret")}, 500, "application/problem+json", problem, false, true, "complete, without the cause"},
		{"panicking marshaler", "", 200, panickingMarshaler{}, 500, "application/problem+json", problem, false, true, "a panic in an encoder is a failure to encode"},
		{"204", "text/plain", 204, "x", 204, "", "", false, false, "no body, no type"},
		{"205", "", 205, "x", 205, "", "", false, false, "no body, and none announced"},
		{"304", "", 304, "x", 304, "", "", false, false, "no body"},
		{"204 of a reader", "", 204, strings.NewReader("x"), 204, "", "", false, false, "no body"},
		{"status 0", "", 0, "x", 500, "application/problem+json", problem, false, true, "net/http would panic"},
		{"status 99", "", 99, "x", 500, "application/problem+json", problem, false, true, "net/http would panic"},
		{"status 100", "", 100, "x", 500, "application/problem+json", problem, false, true, "is not final"},
		{"status 199", "", 199, nil, 500, "application/problem+json", problem, false, true, "is not final"},
		{"status 1000", "", 1000, strings.NewReader("x"), 500, "application/problem+json", problem, false, true, "net/http would panic"},
		{"status 599", "", 599, "x", 599, "text/plain; charset=utf-8", "x", true, false, "unknown but final"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				for _, method := range []string{"GET", "POST", "HEAD"} {
					body := tt.body
					if s, ok := body.(*strings.Reader); ok {
						s.Seek(0, io.SeekStart)
					}
					h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if tt.set != "" {
							w.Header().Set("Content-Type", tt.set)
						}
						err := reply.Send(w, r, tt.status, body)
						if (err != nil) != tt.fails {
							t.Errorf("error %v, want one: %t", err, tt.fails)
						}
					})
					resp := tr.Do(t, h, httptest.NewRequest(method, "/", nil))
					text := testkit.Body(t, resp)
					want := tt.text
					if method == "HEAD" {
						want = ""
					}
					if resp.StatusCode != tt.want || text != want || resp.Header.Get("Content-Type") != tt.ctype {
						t.Errorf("%s: %d %q %q; want %d %q %q: %s", method, resp.StatusCode, resp.Header.Get("Content-Type"), text, tt.want, tt.ctype, want, tt.why)
					}
					if got := resp.Header.Get("ETag") != ""; got != tt.tagged {
						t.Errorf("%s: ETag %q, want one: %t", method, resp.Header.Get("ETag"), tt.tagged)
					}
					if tt.ctype != "" && tt.set == "" && resp.Header.Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s: a type of ours without nosniff", method)
					}
					if _, streamed := tt.body.(io.Reader); !streamed && tt.want >= 200 && tt.want != 204 && tt.want != 304 {
						if got := resp.Header.Get("Content-Length"); got != fmt.Sprint(len(tt.text)) {
							t.Errorf("%s: Content-Length %q, want %d", method, got, len(tt.text))
						}
					}
				}
			})
		})
	}
}

// TestSendFailureKeepsOuterHeaders: the error response keeps the fields of layers
// outside, but not those that described the lost body.
func TestSendFailureKeepsOuterHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	h := w.Header()
	h.Set("Vary", "Origin")
	h.Set("X-Request-Id", "7")
	for _, name := range []string{"Content-Encoding", "ETag", "Last-Modified", "Content-Length"} {
		h.Set(name, "1")
	}
	h.Set("Cache-Control", "public, max-age=3600")
	reply.JSON(w, httptest.NewRequest("GET", "/", nil), 200, make(chan int))
	if h.Get("Vary") == "" || h.Get("X-Request-Id") == "" {
		t.Errorf("lost what is not the body's: %v", h)
	}
	for _, name := range []string{"Content-Encoding", "ETag", "Last-Modified", "Cache-Control"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %s describes a body that was not sent", name, h.Get(name))
		}
	}

	w = httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store")
	reply.Problem(w, httptest.NewRequest("GET", "/", nil), errors.New("x"))
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("an error that must not be stored now may be")
	}
}

type closer struct {
	io.Reader
	closed int
}

func (c *closer) Close() error { c.closed++; return nil }

func TestSendClosesReader(t *testing.T) {
	for _, tt := range []struct {
		method string
		status int
	}{{"GET", 200}, {"HEAD", 200}, {"GET", 204}, {"GET", 7}} {
		c := &closer{Reader: strings.NewReader("x")}
		reply.Send(httptest.NewRecorder(), httptest.NewRequest(tt.method, "/", nil), tt.status, c)
		if c.closed != 1 {
			t.Errorf("%s %d: closed %d times", tt.method, tt.status, c.closed)
		}
	}
}

// TestSendReaderFails: half a stream must not look complete.
func TestSendReaderFails(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		slog.SetDefault(log.Logger())
		h := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, io.MultiReader(strings.NewReader(strings.Repeat("x", 10_000)), failing{}))
		})
		client, url := tr.Serve(t, h)
		resp, err := client.Get(url)
		if err == nil {
			defer resp.Body.Close()
			if _, err = io.ReadAll(resp.Body); err == nil {
				t.Error("the client takes half for the whole")
			}
		}
		if records := log.Records(); len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "error"), "disk on fire") {
			t.Errorf("records %v, want one with the cause", records)
		}
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestSendIfNoneMatch(t *testing.T) {
	tag := tagOf("hello")
	tests := []struct {
		method, ifNoneMatch, cacheControl, own string
		want                                   int
		why                                    string
	}{
		{"GET", "", "", "", 200, "no condition"},
		{"GET", tag, "", "", 304, "the client has it"},
		{"HEAD", tag, "", "", 304, "HEAD is as GET"},
		{"POST", tag, "", "", 200, "the condition of a POST is another (RFC 9110, 13.2.1)"},
		{"GET", "W/" + tag, "", "", 304, "If-None-Match compares weakly"},
		{"GET", `"a", "b,c", ` + tag, "", "", 304, "a list, with a comma in a tag"},
		{"GET", `"a,` + tag + `,b"`, "", "", 200, "what is between quotes is one tag"},
		{"GET", `"a" ` + tag, "", "", 304, "a list without its comma"},
		{"GET", `x, ` + tag, "", "", 200, "what is no tag ends the list"},
		{"GET", `"open`, "", "", 200, "a tag without its end"},
		{"GET", "*", "", "", 304, "any representation"},
		{"GET", `"a", *`, "", "", 200, "a star in a list is no tag"},
		{"GET", tag, "no-cache", "", 200, "a reload wants the body"},
		{"GET", tag, "max-age=0, No-Cache", "", 200, "in any case"},
		{"GET", tag, "no-cachex", "", 304, "another directive"},
		{"GET", `"v7"`, "", `"v7"`, 304, "the tag that the handler set"},
		{"GET", `"v7"`, "", `W/"v7"`, 304, "also a weak one"},
		{"GET", tag, "", `"v7"`, 200, "and only that"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(tt.method, "/", nil)
		if tt.ifNoneMatch != "" {
			r.Header.Set("If-None-Match", tt.ifNoneMatch)
		}
		if tt.cacheControl != "" {
			r.Header.Set("Cache-Control", tt.cacheControl)
		}
		w := httptest.NewRecorder()
		w.Header().Set("Vary", "Origin")
		if tt.own != "" {
			w.Header().Set("ETag", tt.own)
		}
		if err := reply.Send(w, r, 200, "hello"); err != nil {
			t.Fatal(err)
		}
		if w.Code != tt.want {
			t.Errorf("%s If-None-Match: %s: %d, want %d: %s", tt.method, tt.ifNoneMatch, w.Code, tt.want, tt.why)
		}
		if w.Code == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") == "" || w.Header().Get("Vary") == "" || w.Header().Get("Content-Length") != "") {
			t.Errorf("304 with %v and %d bytes", w.Header(), w.Body.Len())
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["If-None-Match"] = []string{`"a"`, tag}
	w := httptest.NewRecorder()
	if reply.Send(w, r, 200, "hello"); w.Code != 304 {
		t.Errorf("%d for a tag in the second header line", w.Code)
	}
	r.Header["If-None-Match"] = []string{"*"}
	w = httptest.NewRecorder()
	w.Header()["Etag"] = nil
	if reply.Send(w, r, 200, "hello"); w.Code != 304 {
		t.Errorf("%d for any representation of what has no tag", w.Code)
	}
}

// tagOf returns the ETag of a body.
func tagOf(body any) string {
	w := httptest.NewRecorder()
	reply.Send(w, httptest.NewRequest("GET", "/", nil), 200, body)
	return w.Header().Get("ETag")
}

// TestSendETag: a tag depends on the sent bytes alone, and is the same in every
// process.
func TestSendETag(t *testing.T) {
	const hello = `"2dhs2fm49urd3"` // its XXH64, 26c7827d889f6da3, in base 32
	for _, body := range []any{"hello", []byte("hello")} {
		if got := tagOf(body); got != hello {
			t.Errorf("%T: %s, want %s", body, got, hello)
		}
	}
	if text, value := tagOf("[1,2]"), tagOf([]int{1, 2}); text != value || text != tagOf(json.RawMessage("[1,2]")) {
		t.Errorf("the same JSON as text has %s, as a value %s", text, value)
	}
	seen := make(map[string]string)
	for _, body := range []string{"", " ", "a", "b", "ab", "ba", "\x00", "\x00\x00", "é", "e\u0301", strings.Repeat("a", 1000), strings.Repeat("a", 1001)} {
		tag := tagOf(body)
		if other, ok := seen[tag]; ok || len(tag) < 3 || tag[0] != '"' || tag[len(tag)-1] != '"' {
			t.Errorf("%q has %s, as has %q", body, tag, other)
		}
		seen[tag] = body
	}
}

// TestSendKeepsHeaderFields: an existing header field stays, and nil disables the field.
func TestSendKeepsHeaderFields(t *testing.T) {
	bodies := map[string]func(http.ResponseWriter, *http.Request){
		"JSON":   func(w http.ResponseWriter, r *http.Request) { reply.JSON(w, r, 200, "hello") },
		"text":   func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, "hello") },
		"bytes":  func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, []byte("hello")) },
		"reader": func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, strings.NewReader("hello")) },
		"error":  func(w http.ResponseWriter, r *http.Request) { reply.Problem(w, r, reply.NewError(404, "")) },
		"text of an error": func(w http.ResponseWriter, r *http.Request) {
			reply.PlainError(w, r, reply.NewError(404, ""))
		},
	}
	for name, send := range bodies {
		for _, tt := range []struct {
			field string
			own   []string
			match string // If-None-Match
			why   string
		}{
			{"ETag", nil, "", "nil is none"},
			{"ETag", nil, tagOf("hello"), "and nothing that a client can have"},
			{"X-Content-Type-Options", nil, "", "nil is none"},
			{"X-Content-Type-Options", []string{"other"}, "", "what is set stays"},
		} {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				r := httptest.NewRequest("GET", "/", nil)
				if tt.match != "" {
					r.Header.Set("If-None-Match", tt.match)
				}
				resp := tr.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header()[http.CanonicalHeaderKey(tt.field)] = tt.own
					send(w, r)
				}), r)
				body := testkit.Body(t, resp)
				if got := resp.Header.Values(tt.field); !slices.Equal(got, tt.own) || resp.StatusCode == 304 || body == "" {
					t.Errorf("%s: %d with %s %q and %q, want %q: %s", name, resp.StatusCode, tt.field, got, body, tt.own, tt.why)
				}
			})
		}
	}
}

func FuzzIfNoneMatch(f *testing.F) {
	f.Add(`"a", W/"b"`)
	tag := tagOf("hello")
	f.Add(tag)
	f.Add("W/W/" + tag)
	f.Fuzz(func(t *testing.T, field string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = []string{field}
		w := httptest.NewRecorder()
		if err := reply.Send(w, r, 200, "hello"); err != nil {
			t.Fatal(err)
		}
		if w.Code == 304 && !strings.Contains(field, tag) && strings.TrimSpace(field) != "*" {
			t.Errorf("304 for %q", field)
		}
	})
}

func TestSendAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	r := httptest.NewRequest("GET", "/", nil)
	v := &struct {
		ID    int    `json:"id"`
		Title string `json:"title"`
	}{7, "hello"}
	w := &discard{http.Header{}}
	got := testing.AllocsPerRun(100, func() {
		clear(w.header)
		if err := reply.JSON(w, r, 200, v); err != nil {
			t.Fatal(err)
		}
	})
	// The header fields in one slice, and the text of two of them in one string:
	// encoding allocates nothing.
	if got > 2 {
		t.Errorf("JSON: %v allocations, want at most 2", got)
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
