package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/shadow"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// text responds with a Content-Type and a body.
func text(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

func object(body string) http.HandlerFunc { return text("application/json", body) }

// compared returns what a Shadow reports for one request.
func compared(t *testing.T, answer, other http.Handler, cfg shadow.Config, r *http.Request) (reports []string, stats shadow.Stats, client *httptest.ResponseRecorder) {
	t.Helper()
	var mu sync.Mutex
	cfg.Report = func(d shadow.Difference) {
		mu.Lock()
		defer mu.Unlock()
		if d.Err != nil {
			reports = append(reports, "error: "+d.Err.Error())
		}
		for _, v := range d.Values {
			reports = append(reports, v.String())
		}
	}
	s := shadow.New(other, cfg)
	client = httptest.NewRecorder()
	s.Middleware(answer).ServeHTTP(client, r)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return reports, s.Stats(), client
}

func TestShadowDifferences(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		why           string
		answer, other http.Handler
		cfg           shadow.Config
		want          []string // the start of each report
	}{
		{why: "the same", answer: object(`{"a":1}`), other: object(`{"a":1}`)},
		{why: "the order of names and blanks", answer: object(`{"a":1,"b":[true,null]}`), other: object("{ \"b\": [true, null],\n \"a\": 1 }\n")},
		{why: "a value", answer: object(`{"a":{"b":[1,2]}}`), other: object(`{"a":{"b":[1,3]}}`), want: []string{"json /a/b/1: 2, shadow: 3"}},
		{why: "a name on one side", answer: object(`{"a":1}`), other: object(`{"b":1}`), want: []string{"json /a: 1, shadow: ", "json /b: , shadow: 1"}},
		{why: "null is not absent", answer: object(`{"a":null}`), other: object(`{}`), want: []string{"json /a: null, shadow: "}},
		{why: "a list that is longer", answer: object(`[1,2]`), other: object(`[1]`), want: []string{"json /1: 2, shadow: "}},
		{why: "a list and an object", answer: object(`{"a":[]}`), other: object(`{"a":{}}`), want: []string{"json /a: [], shadow: {}"}},
		{why: "a text and a number", answer: object(`{"a":"1"}`), other: object(`{"a":1}`), want: []string{`json /a: "1", shadow: 1`}},
		{why: "forms of a number", answer: object(`[1.0,100,-0,0.5,12e-1]`), other: object(`[1,1e2,0,5e-1,1.2]`)},
		{why: "a digit of a large number", answer: object(`9007199254740993`), other: object(`9007199254740992`), want: []string{"json : 9007199254740993, shadow: 9007199254740992"}},
		{why: "an enormous exponent", answer: object(`1e999999999`), other: object(`1e999999998`), want: []string{"json : 1e999999999, shadow: 1e999999998"}},
		{why: "an exponent that is no number", answer: object(`1e99999999999999999999`), other: object(`1e99999999999999999998`), want: []string{"json : 1e9"}},
		{why: "names with slashes", answer: object(`{"a/b":{"~":1}}`), other: object(`{"a/b":{"~":2}}`), want: []string{"json /a~1b/~0: 1, shadow: 2"}},
		{why: "ignored", answer: object(`{"items":[{"id":1,"at":5}],"x":1}`), other: object(`{"items":[{"id":1,"at":6}],"x":2}`),
			cfg: shadow.Config{IgnoreJSON: []string{"/items/*/at", "/x"}}},
		{why: "ignored below", answer: object(`{"a":{"b":1}}`), other: object(`{"a":[]}`), cfg: shadow.Config{IgnoreJSON: []string{"/a"}}},
		{why: "order", answer: object(`{"a":[1,2]}`), other: object(`{"a":[2,1]}`), want: []string{"json /a/0: 1, shadow: 2", "json /a/1: 2, shadow: 1"}},
		{why: "no order", answer: object(`{"a":[{"n":1.0,"t":5},{"n":2,"t":6}]}`), other: object(`{"a":[{"t":7,"n":2},{"t":8,"n":1}]}`),
			cfg: shadow.Config{UnorderedJSON: []string{"/a"}, IgnoreJSON: []string{"/a/*/t"}}},
		{why: "no order in the whole", answer: object(`[1,2]`), other: object(`[2,1]`), cfg: shadow.Config{UnorderedJSON: []string{""}}},
		{why: "how often", answer: object(`[1,1,2]`), other: object(`[2,2,1]`), cfg: shadow.Config{UnorderedJSON: []string{""}}, want: []string{"json /1: 1, shadow: 2"}},
		{why: "no JSON after all", answer: object(`{"a"`), other: object(`{"b"`), want: []string{`body at byte 2: "{\"a\"", shadow: "{\"b\""`}},
		{why: "two values", answer: object(`1 2`), other: object(`1 3`), want: []string{"body at byte 2"}},
		{why: "bytes", answer: text("text/plain", "one two"), other: text("text/plain", "one too"), want: []string{`body at byte 5: "one two", shadow: "one too"`}},
		{why: "bytes that end", answer: text("text/plain", "one"), other: text("text/plain", ""), want: []string{`body at byte 0: "one", shadow: ""`}},
		{why: "large and the same", answer: text("text/plain", strings.Repeat("x", 5000)), other: text("text/plain", strings.Repeat("x", 5000)), cfg: shadow.Config{BodyLimit: 100}},
		{why: "large", answer: object(strings.Repeat(" ", 5000)), other: object(strings.Repeat("\n", 5000)), cfg: shadow.Config{BodyLimit: 100}, want: []string{"body: 5000 bytes, shadow: 5000 bytes"}},
		{why: "a type that the server finds out", answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }), other: text("text/plain; charset=utf-8", "x")},
		{why: "another than the server finds out", answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>") }), other: text("text/plain", "<html>"), want: []string{"header Content-Type: text/html; charset=utf-8, shadow: text/plain"}},
		{why: "a body that a status does not have", answer: status(204), other: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(204)
			io.WriteString(w, "null")
		})},
		{why: "lists in no order, with ignored values on one side", answer: object(`[{"at":1,"id":1},{"id":0}]`), other: object(`[{"at":5,"id":0},{"id":1}]`), cfg: shadow.Config{UnorderedJSON: []string{""}, IgnoreJSON: []string{"/*/at"}}},
		{why: "a status", answer: status(200), other: status(404), want: []string{"status: 200, shadow: 404"}},
		{why: "nothing is 200", answer: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), other: status(200)},
		{why: "the type", answer: text("text/html", "x"), other: text("text/plain", "x"), want: []string{"header Content-Type: text/html, shadow: text/plain"}},
		{why: "forms of a type", answer: text("text/html; charset=utf-8", "x"), other: text("Text/HTML;charset=UTF-8", "x")},
		{why: "a location", answer: status(307, "Location", "/a"), other: status(307, "Location", "/b"), want: []string{"header Location: /a, shadow: /b"}},
		{why: "a field that is not compared", answer: status(200, "Date", "1", "Set-Cookie", "a"), other: status(200, "Date", "2")},
		{why: "a field that is", answer: status(200, "x-a", "1"), other: status(200, "x-a", "2"), cfg: shadow.Config{Headers: []string{"x-a"}}, want: []string{"header X-A: 1, shadow: 2"}},
		{why: "no fields", answer: text("text/html", "x"), other: text("text/plain", "x"), cfg: shadow.Config{Headers: []string{}}},
		{why: "a header after the body", answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("Location", "late")
		}), other: status(200)},
		{why: "many differences", answer: object("[" + strings.Repeat("1,", 99) + "1]"), other: object("[" + strings.Repeat("2,", 99) + "2]"), want: slicesRepeat("json /", 20)},
		{why: "a panic", answer: status(200), other: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no luck") }), want: []string{"error: shadow: panic: no luck"}},
		{why: "a status that there is not", answer: status(200), other: status(0), want: []string{"error: shadow: panic: invalid WriteHeader code 0"}},
		{why: "the end of the goroutine", answer: status(200), other: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }), want: []string{"error: shadow: the handler has ended its goroutine"}},
		{why: "lists in lists in no order", answer: object(`[[3,[2,1]],[0]]`), other: object(`[[0],[[1,2],3]]`), cfg: shadow.Config{UnorderedJSON: []string{"", "/*", "/*/*"}}},
		{why: "a response that breaks off", answer: status(200), other: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), want: []string{"error: shadow: the response broke off"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			reports, stats, _ := compared(t, c.answer, c.other, c.cfg, httptest.NewRequest("GET", "/a", nil))
			if len(reports) != len(c.want) {
				t.Fatalf("%d reports, want %d:\n%s", len(reports), len(c.want), strings.Join(reports, "\n"))
			}
			for i, want := range c.want {
				if !strings.HasPrefix(reports[i], want) {
					t.Errorf("report %q, want %q", reports[i], want)
				}
			}
			if n := stats.Compared + stats.Failed; n != 1 {
				t.Errorf("%d requests are counted: %s", n, stats)
			}
		})
	}
}

func slicesRepeat(s string, n int) (all []string) {
	for range n {
		all = append(all, s)
	}
	return all
}

func TestShadowSkips(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	request := func(method, body string, header ...string) *http.Request {
		r := httptest.NewRequest(method, "/a", strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	writes := shadow.Config{Methods: []string{"POST"}, BodyLimit: 10}
	for _, c := range []struct {
		why     string
		answer  http.Handler
		cfg     shadow.Config
		request *http.Request
		want    shadow.Reason // "" is compared
		none    bool          // not even counted
	}{
		{why: "GET", answer: echo, request: request("GET", "")},
		{why: "HEAD", answer: echo, request: request("HEAD", "")},
		{why: "POST", answer: echo, request: request("POST", "x"), none: true},
		{why: "POST where it is wanted", answer: echo, cfg: writes, request: request("POST", "0123456789")},
		{why: "GET where it is not", answer: echo, cfg: writes, request: request("GET", ""), none: true},
		{why: "a long body", answer: echo, cfg: writes, request: request("POST", "0123456789x"), want: shadow.RequestTooLarge},
		{why: "a long body of no length", answer: echo, cfg: writes, request: func() *http.Request {
			r := request("POST", "0123456789x")
			r.ContentLength = -1
			return r
		}(), want: shadow.RequestTooLarge},
		{why: "a body that is not read", answer: object("1"), cfg: writes, request: request("POST", "x"), want: shadow.BodyNotRead},
		{why: "a body that is read to its end, which is not seen", answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := make([]byte, 2)
			n, _ := io.ReadFull(r.Body, p)
			w.Write(p[:n])
		}), cfg: writes, request: request("POST", "{}")},
		{why: "a GET request with a body", answer: echo, request: request("GET", "x")},
		{why: "If-None-Match", answer: echo, request: request("GET", "", "If-None-Match", `"a"`), want: shadow.Conditional},
		{why: "Range", answer: echo, request: request("GET", "", "Range", "bytes=0-1"), want: shadow.Conditional},
		{why: "a WebSocket", answer: echo, request: request("GET", "", "Upgrade", "websocket"), want: shadow.Upgrade},
		{why: "events", answer: text("text/event-stream", "data: x\n\n"), request: request("GET", ""), want: shadow.Streamed},
		{why: "compressed", answer: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Encoding", "gzip") }), request: request("GET", ""), want: shadow.Encoded},
	} {
		t.Run(c.why, func(t *testing.T) {
			asked := false
			other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = true
				echo(w, r)
			})
			reports, stats, client := compared(t, c.answer, other, c.cfg, c.request)
			if client.Code != 200 {
				t.Errorf("status %d", client.Code)
			}
			if asked != (c.want == "" && !c.none) {
				t.Errorf("the shadow was asked: %t", asked)
			}
			if asked && len(reports) > 0 {
				t.Errorf("reported: %q", reports)
			}
			switch {
			case c.none:
				if stats.Compared+stats.Skipped != 0 {
					t.Errorf("counted: %s", stats)
				}
			case c.want != "":
				if stats.Reasons[c.want] != 1 || stats.Skipped != 1 {
					t.Errorf("no %q in %s", c.want, stats)
				}
			case stats.Compared != 1:
				t.Errorf("not counted: %s", stats)
			}
		})
	}
}

// TestShadowRequest checks the request of the shadow.
func TestShadowRequest(t *testing.T) {
	for _, c := range []struct {
		why  string
		cfg  shadow.Config
		want string
	}{
		{"all of it", shadow.Config{Methods: []string{"PUT"}}, `PUT /a?b=c example.com [secret] [token] [] "body"`},
		{"without credentials", shadow.Config{Methods: []string{"PUT"}, NoCredentials: true}, `PUT /a?b=c example.com [] [] [] "body"`},
		{"prepared", shadow.Config{Methods: []string{"PUT"}, Prepare: func(r *http.Request) { r.Host = "old.example" }}, `PUT /a?b=c old.example [secret] [token] [] "body"`},
	} {
		t.Run(c.why, func(t *testing.T) {
			r := httptest.NewRequest("PUT", "/a?b=c", strings.NewReader("body"))
			r.Header.Set("Cookie", "secret")
			r.Header.Set("Authorization", "token")
			r.Header.Set("Accept-Encoding", "gzip")
			type key struct{}
			r = r.WithContext(context.WithValue(r.Context(), key{}, "mine"))
			var got string
			other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = fmt.Sprintf("%s %s %s %v %v %v %q", r.Method, r.URL, r.Host, r.Header["Cookie"], r.Header["Authorization"], r.Header["Accept-Encoding"], body)
				if r.Context().Value(key{}) != nil {
					t.Error("the shadow has the values of the client's context")
				}
			})
			answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.ReadAll(r.Body)
				r.URL.Path, r.Host = "/changed", "changed" // too late for the shadow
				r.Header.Set("Cookie", "changed")
			})
			compared(t, answer, other, c.cfg, r)
			if got != c.want {
				t.Errorf("the shadow was asked\n%s, want\n%s", got, c.want)
			}
		})
	}
}

// TestShadowLeavesClientResponse checks what reaches the client, whatever the shadow
// does.
func TestShadowLeavesClientResponse(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	for _, c := range []struct {
		why   string
		other http.HandlerFunc
	}{
		{"it panics", func(http.ResponseWriter, *http.Request) { panic("no luck") }},
		{"it hangs", func(http.ResponseWriter, *http.Request) { <-never }},
		{"it streams", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "data: x\n\n")
				http.NewResponseController(w).Flush()
			}
		}},
		{"it sends much", func(w http.ResponseWriter, r *http.Request) {
			for range 100 {
				w.Write(make([]byte, 1<<20))
			}
		}},
		{"it sets cookies", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Set-Cookie", "a=b") }},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %t", c.why, http2), func(t *testing.T) {
				s := shadow.New(c.other, shadow.Config{Timeout: 50 * time.Millisecond, Report: func(shadow.Difference) {}})
				server := httptest.NewUnstartedServer(s.Middleware(object(`{"a":1}`)))
				server.EnableHTTP2 = http2
				server.StartTLS()
				defer server.Close()
				resp, err := server.Client().Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if string(body) != `{"a":1}` || err != nil || resp.Header["Set-Cookie"] != nil || (resp.ProtoMajor == 2) != http2 {
					t.Errorf("the client got %q, %v, %v", body, err, resp.Header)
				}
			})
		}
	}
}

func TestShadowTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		got := make(chan string, 10)
		s := shadow.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }), shadow.Config{
			Concurrency: 2,
			Report:      func(d shadow.Difference) { got <- d.Err.Error() },
		})
		h := s.Middleware(object(`1`))
		ask := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) }
		start := time.Now()
		ask()
		time.Sleep(time.Second)
		ask()
		ask()
		if stats := s.Stats(); stats.Reasons[shadow.Busy] != 1 {
			t.Errorf("a third request beside two: %s", stats)
		}
		if time.Since(start) != time.Second {
			t.Errorf("requests have waited: %v", time.Since(start))
		}
		time.Sleep(20 * time.Second)
		if first := <-got; len(got) != 1 || !strings.Contains(first, "no response within") {
			t.Errorf("report %q, and %d more", first, len(got))
		}
		ask()
		if stats := s.Stats(); stats.Reasons[shadow.Busy] != 2 || stats.Failed != 2 {
			t.Errorf("a shadow that runs on keeps its place: %s", stats)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		close(release)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		ask()
		if stats := s.Stats(); stats.Failed != 2 || stats.Skipped != 2 {
			t.Errorf("a request after Shutdown: %s", stats)
		}
	})
}

// TestShadowOfStream checks that an event stream does not count toward Concurrency
// after its first flush, and that header fields set after a flush are not compared.
func TestShadowOfStream(t *testing.T) {
	open, leave := make(chan struct{}), make(chan struct{})
	s := shadow.New(object("1"), shadow.Config{Concurrency: 1})
	server := httptest.NewServer(s.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "application/json")
			http.NewResponseController(w).Flush()
			w.Header().Set("Location", "/late")
			io.WriteString(w, "1")
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		close(open)
		<-leave
	})))
	defer server.Close()
	var client sync.WaitGroup
	client.Go(func() {
		if resp, err := server.Client().Get(server.URL + "/events"); err == nil {
			resp.Body.Close()
		}
	})
	<-open
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	close(leave)
	client.Wait()
	server.Close()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Compared != 1 || stats.Differ != 0 || stats.Reasons[shadow.Busy] != 0 || stats.Reasons[shadow.Streamed] != 1 {
		t.Errorf("%s", stats)
	}
}

// TestShadowAfterHandlerPanic checks that a request whose handler panics frees its
// slot, and is counted.
func TestShadowAfterHandlerPanic(t *testing.T) {
	s := shadow.New(object("1"), shadow.Config{Concurrency: 1})
	h := s.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("no luck")
		}
		object("1")(w, r)
	}))
	for _, path := range []string{"/panic", "/panic", "/"} {
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
		}()
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Compared != 1 || stats.Reasons[shadow.Unfinished] != 2 {
		t.Errorf("%s", stats)
	}
}

func TestShadowLogger(t *testing.T) {
	log := new(testkit.Log)
	s := shadow.New(object("2"), shadow.Config{Logger: slog.New(log)})
	mux := http.NewServeMux()
	mux.Handle("GET /a/{id}", s.Middleware(object("1")))
	for i := range 12 {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprint("/a/", i), nil))
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log.Len() != 10 {
		t.Errorf("%d records, want 10", log.Len())
	}
	want := "12 compared, 12 differ, 0 failed, 0 skipped\n  12 compared  12 differ  0 failed  0 skipped  GET /a/{id}\n"
	if got := s.Stats().String(); got != want {
		t.Errorf("summary\n%q, want\n%q", got, want)
	}
}

func TestShadowRoutesAreBounded(t *testing.T) {
	s := shadow.New(object("1"), shadow.Config{})
	h := s.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { r.Pattern = r.URL.Path }))
	for i := range 1100 {
		r := httptest.NewRequest("GET", fmt.Sprint("/", i), nil)
		r.Header.Set("Range", "bytes=0-")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if n := len(s.Stats().Routes); n != 1001 {
		t.Errorf("%d routes, want 1000 and the rest", n)
	}
}

// TestShadowDeepLists compares nested lists whose order does not matter: each is visited
// once, not once for each list that contains it.
func TestShadowDeepLists(t *testing.T) {
	deep, at, cfg := "1", "", shadow.Config{UnorderedJSON: []string{""}}
	for range 60 {
		deep, at = "["+deep+",1]", at+"/*"
		cfg.UnorderedJSON = append(cfg.UnorderedJSON, at)
	}
	reports, _, _ := compared(t, object(deep), object(strings.Replace(deep, "1", "2", 1)), cfg, httptest.NewRequest("GET", "/a", nil))
	if len(reports) == 0 {
		t.Error("no difference is found")
	}
}

func TestShadowSample(t *testing.T) {
	s := shadow.New(object("1"), shadow.Config{Sample: 0.2, Concurrency: 2000})
	h := s.Middleware(object("1"))
	for range 1000 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	// 1 in 10^10 runs is outside of this range: 200 plus or minus eight standard
	// deviations.
	if n := s.Stats().Compared; n < 100 || n > 300 {
		t.Errorf("%d of 1000 compared, want about 200", n)
	}
}

func TestShadowConfigValidate(t *testing.T) {
	err := shadow.Config{
		Sample: 2, Concurrency: -1, Timeout: -1, BodyLimit: -1, Methods: []string{"get"}, IgnoreJSON: []string{"a"}, UnorderedJSON: []string{"b"},
	}.Validate()
	if n := len(strings.Split(fmt.Sprint(err), "\n")); n != 7 {
		t.Errorf("%d faults, want 7:\n%v", n, err)
	}
	for _, make := range []func(){
		func() { shadow.New(nil, shadow.Config{}) },
		func() { shadow.New(object("1"), shadow.Config{Sample: -1}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			make()
		}()
	}
}

// TestShadowUnderLoad sends many requests at a time, for some of which the shadow
// misbehaves.
func TestShadowUnderLoad(t *testing.T) {
	other := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/0":
			panic("no luck")
		case "/1":
			object("2")(w, r)
		default:
			object("1")(w, r)
		}
	})
	var mu sync.Mutex
	reports := 0
	s := shadow.New(other, shadow.Config{Report: func(shadow.Difference) {
		mu.Lock()
		defer mu.Unlock()
		reports++
	}})
	server := httptest.NewServer(s.Middleware(object("1")))
	defer server.Close()
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for i := range 50 {
				resp, err := http.Get(fmt.Sprint(server.URL, "/", i%4))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(body) != "1" {
					t.Errorf("a client got %q", body)
				}
			}
		})
	}
	clients.Wait()
	http.DefaultClient.CloseIdleConnections()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	stats := s.Stats()
	if stats.Compared+stats.Failed+stats.Skipped != 400 || int64(reports) != stats.Differ+stats.Failed {
		t.Errorf("%d reports, %s", reports, stats)
	}
}
