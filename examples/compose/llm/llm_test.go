package llm_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/llm"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const secret = "sk-7f3a-do-not-print"

// A logbook is all that is logged, as text.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func capture(t *testing.T) *logbook {
	log := new(logbook)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

func key(t *testing.T) llm.Key {
	t.Setenv("LLM_API_KEY", secret+"\n") // as files with secrets end
	k, err := llm.KeyFromEnv("LLM_API_KEY")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// service has the three handlers in front of an API, behind the whole chain.
func service(t *testing.T, api http.HandlerFunc, cfg middleware.Config) http.Handler {
	t.Helper()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	transport := &http.Transport{ResponseHeaderTimeout: 500 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	client := llm.New(llm.Config{Base: server.URL, Model: "small", Key: key(t), Transport: transport})
	chain := middleware.Chain(cfg)
	mux := http.NewServeMux()
	mux.Handle("POST /result", chain.Then(client.Result()))
	mux.Handle("POST /text", chain.Then(client.Text()))
	mux.Handle("POST /events", chain.Then(client.Events()))
	return mux
}

func post(path, body string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer the-client's")
	return r
}

// delta is an event of the API.
func delta(text string) string {
	data, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]string{"content": text}}}})
	return fmt.Sprintf("data: %s\n\n", data)
}

// TestClientRequest: the API gets the key, the model and the prompt, and nothing about the client.
func TestClientRequest(t *testing.T) {
	capture(t)
	var seen http.Header
	var body string
	h := service(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen, body = r.Header, string(b)
		io.WriteString(w, `{"choices":[{"message":{"role":"assistant","content":"<b>4</b>"}}]}`)
	}, middleware.Config{})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, post("/result", `{"prompt":"2+2?"}`))
		if got := testkit.Body(t, resp); resp.StatusCode != 200 || got != `{"result":"<b>4</b>"}` {
			t.Errorf("%d %s", resp.StatusCode, got)
		}
		if got := seen["Authorization"]; len(got) != 1 || got[0] != "Bearer "+secret {
			t.Errorf("Authorization %q", got)
		}
		if want := `{"model":"small","messages":[{"role":"user","content":"2+2?"}]}`; body != want {
			t.Errorf("%s, want %s", body, want)
		}
	})
}

// TestClientInvalidPrompt: an invalid prompt does not reach the API.
func TestClientInvalidPrompt(t *testing.T) {
	h := service(t, func(w http.ResponseWriter, r *http.Request) { t.Error("the API was asked") },
		middleware.Config{BodyParser: bodyparser.Config{Limit: 20_000}})
	for body, want := range map[string]int{
		`{}`:            422,
		`{"prompt":""}`: 422,
		`{"prompt":"` + strings.Repeat("x", 4001) + `"}`: 422,
		`{"prompt":7}`: 400,
		`{"prompt":`:   400,
		`{"prompt":"` + strings.Repeat("x", 20_000) + `"}`: 413,
	} {
		for _, path := range []string{"/result", "/text", "/events"} {
			resp := testkit.Recorder.Do(t, h, post(path, body))
			if resp.StatusCode != want {
				t.Errorf("%s %.20s: %d, want %d", path, body, resp.StatusCode, want)
			}
		}
	}
}

// TestClientAPIFailures: a failure of the API gets a response of this service and a log
// record, and neither has the key or text of the API.
func TestClientAPIFailures(t *testing.T) {
	answer := func(status int, header, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			fmt.Fprintf(w, body, r.Header.Get("Authorization"))
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"choices":[{"message":{"content":"`)
		for chunk := strings.Repeat("x", 1<<16); ; {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name   string
		api    http.HandlerFunc
		status int
		retry  string
	}{
		{"wrong key", answer(401, "", `Incorrect API key: %s`), 502, ""},
		{"no right", answer(403, "", `%s may not`), 502, ""},
		{"our fault", answer(400, "", `bad request by %s`), 502, ""},
		{"too often", answer(429, "Retry-After: 7", `%s is over its quota`), 503, "7"},
		{"too often, for how long is not said", answer(429, "", `%s is over its quota`), 503, "10"},
		{"broken", answer(500, "", `oops, %s`), 502, ""},
		{"elsewhere", answer(307, "Location: /v2", `%s`), 502, ""},
		{"no JSON", answer(200, "", `hello %s`), 502, ""},
		{"no answer", answer(200, "", `{"choices":[],"key":"%s"}`), 502, ""},
		{"endless", endless, 502, ""},
		{"breaks off", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, 502, ""},
		{"no end", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // else net/http does not see a client disconnect
			<-r.Context().Done()
		}, 504, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := capture(t)
			h := service(t, tt.api, middleware.Config{})
			for i, path := range []string{"/result", "/text", "/events"} {
				resp := testkit.HTTP1.Do(t, h, post(path, `{"prompt":"hi"}`))
				body := testkit.Body(t, resp)
				if resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != tt.retry {
					t.Errorf("%s: %d %v %s", path, resp.StatusCode, resp.Header, body)
				}
				if all := fmt.Sprint(resp.Header, body); strings.Contains(all, secret) || strings.Contains(all, "choices") {
					t.Errorf("%s tells the client: %s", path, all)
				}
				for deadline := time.Now().Add(time.Minute); strings.Count(log.String(), "\n") <= i && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond) // the record comes after the response
				}
				if n := strings.Count(log.String(), "\n"); n != i+1 {
					t.Errorf("%s: %d records:\n%s", path, n-i, log)
				}
			}
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log has the key:\n%s", log)
			}
		})
	}
}

// TestEventsOneByOne: the client gets each piece before the API sends the next, and a
// deadline for complete responses does not end the stream.
func TestEventsOneByOne(t *testing.T) {
	next := make(chan struct{})
	h := service(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, ": thinking\n\n"+`data: {"choices":[{"delta":{"role":"assistant"}}]}`+"\n\n")
		for i := range 3 {
			io.WriteString(w, delta(fmt.Sprintf("part %d\n", i)))
			w.(http.Flusher).Flush()
			<-next
		}
		io.WriteString(w, "data: [DONE]\n\n")
	}, middleware.Config{MaxDuration: 500 * time.Millisecond})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, post("/text", `{"prompt":"hi"}`))
		lines := bufio.NewReader(resp.Body)
		for i := range 3 {
			if line, err := lines.ReadString('\n'); line != fmt.Sprintf("part %d\n", i) {
				t.Errorf("%q, %v", line, err)
			}
			if i == 1 {
				time.Sleep(600 * time.Millisecond) // past MaxDuration
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(lines); len(rest) > 0 || err != nil {
			t.Errorf("%q, %v", rest, err)
		}

		resp = tr.Do(t, h, post("/events", `{"prompt":"hi"}`))
		var got []string
		for event, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				t.Error(err)
			}
			got = append(got, event.Data)
			if len(got) == 2 {
				time.Sleep(600 * time.Millisecond)
			}
			if len(got) <= 3 {
				next <- struct{}{}
			}
		}
		if want := `{"delta":"part 0\n"} {"delta":"part 1\n"} {"delta":"part 2\n"} {"done":true}`; strings.Join(got, " ") != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// TestEventsHeartbeats: with heartbeats, the stream of a model that is silent longer than a
// proxy's timeout reaches the client, and without them it does not.
func TestEventsHeartbeats(t *testing.T) {
	for heartbeat, want := range map[time.Duration]int{0: 200, -1: 502} {
		testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
			capture(t)
			defer time.Sleep(time.Minute) // the API takes its time
			api, base := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, text := range []string{"Hello, ", "world"} {
					time.Sleep(10 * time.Second)
					io.WriteString(w, delta(text))
					w.(http.Flusher).Flush()
				}
				time.Sleep(10 * time.Second)
				io.WriteString(w, "data: [DONE]\n\n")
			}))
			client := llm.New(llm.Config{Base: base, Key: key(t), Transport: api.Transport, Heartbeat: heartbeat})
			service, at := tr.Serve(t, middleware.New(middleware.Config{MaxDuration: 30 * time.Second})(client.Events()))
			target, _ := url.Parse(at)
			proxy := httputil.NewSingleHostReverseProxy(target)
			proxy.Transport = impatient{service.Transport, 3 * time.Second}
			resp := tr.Do(t, proxy, post("/events", `{"prompt":"hi"}`))
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != want || err != nil {
				t.Fatalf("heartbeat %v: %d %s, %v", heartbeat, resp.StatusCode, body, err)
			}
			var got []string
			for event := range stream.NewReader(bytes.NewReader(body)).All() {
				got = append(got, event.Data)
			}
			if all := strings.Join(got, " "); want == 200 && all != `{"delta":"Hello, "} {"delta":"world"} {"done":true}` {
				t.Errorf("%s", all)
			}
		})
	}
}

// impatient is the transport of a proxy that times out if a server is silent for a
// while, before the header or after it, like nginx.
type impatient struct {
	next http.RoundTripper
	wait time.Duration
}

func (p impatient) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	timer := time.AfterFunc(p.wait, cancel)
	resp, err := p.next.RoundTrip(r.WithContext(ctx))
	if err == nil {
		resp.Body = &impatientBody{resp.Body, timer, p.wait}
	}
	return resp, err
}

type impatientBody struct {
	io.ReadCloser
	timer *time.Timer
	wait  time.Duration
}

func (b *impatientBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.wait)
	defer b.timer.Stop()
	return b.ReadCloser.Read(p)
}

// TestTextDeadlines: the WriteTimeout of a server does not end a text, but a client
// that does not read does.
func TestTextDeadlines(t *testing.T) {
	h := service(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, delta("a")+delta("b")+"data: [DONE]\n\n")
	}, middleware.Config{})
	w := &deadlines{ResponseRecorder: httptest.NewRecorder(), now: time.Now()}
	h.ServeHTTP(w, post("/text", `{"prompt":"x"}`))
	if w.Body.String() != "ab" || !w.now.IsZero() {
		t.Errorf("%q, and then the deadline is %v", w.Body, w.now)
	}
	for i, at := range w.atWrites {
		if at.IsZero() {
			t.Errorf("write %d has no deadline", i)
		}
	}
	if len(w.atWrites) != 2 || w.lifted != 3 {
		t.Errorf("%d writes, lifted %d times", len(w.atWrites), w.lifted)
	}
}

// deadlines is a ResponseWriter with a write deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	now      time.Time
	atWrites []time.Time
	lifted   int
}

func (w *deadlines) SetWriteDeadline(at time.Time) error {
	if w.now = at; at.IsZero() {
		w.lifted++
	}
	return nil
}

func (w *deadlines) Write(p []byte) (int, error) {
	w.atWrites = append(w.atWrites, w.now)
	return w.ResponseRecorder.Write(p)
}

func (w *deadlines) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// TestTextBrokenOff: a partial response does not look complete, whether the API ends
// early, sends too much or sends invalid data.
func TestTextBrokenOff(t *testing.T) {
	for name, rest := range map[string]string{
		"early":    "",
		"nonsense": "data: {\n\n",
		"too much": "data: " + strings.Repeat("x", 1<<20) + "\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			log := capture(t)
			h := service(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, delta("half")+rest) }, middleware.Config{})
			for _, path := range []string{"/text", "/events"} {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					client, base := tr.Serve(t, h)
					resp, err := client.Do(testkit.At(t, base, post(path, `{"prompt":"hi"}`)))
					if err == nil {
						defer resp.Body.Close()
						_, err = io.ReadAll(resp.Body)
					}
					if err == nil {
						t.Errorf("%s passes for whole", path)
					}
				})
			}
			if n := strings.Count(log.String(), "\n"); n != 4 {
				t.Errorf("%d records of 4 requests:\n%s", n, log)
			}
		})
	}
}

// TestTextClientGone: the request to the API is canceled when the client disconnects.
func TestTextClientGone(t *testing.T) {
	for _, path := range []string{"/result", "/text", "/events"} {
		log := capture(t)
		arrived, ended := make(chan struct{}), make(chan struct{})
		h := service(t, func(w http.ResponseWriter, r *http.Request) {
			if path != "/result" {
				io.WriteString(w, delta("half"))
				w.(http.Flusher).Flush()
			}
			io.Copy(io.Discard, r.Body)
			close(arrived)
			<-r.Context().Done()
			close(ended)
		}, middleware.Config{MaxDuration: time.Minute})
		testkit.Run(t, []testkit.Transport{testkit.HTTP1}, func(t *testing.T, tr testkit.Transport) {
			client, base := tr.Serve(t, h)
			ctx, cancel := context.WithCancel(t.Context())
			r := testkit.At(t, base, post(path, `{"prompt":"hi"}`)).WithContext(ctx)
			go func() { <-arrived; cancel() }()
			resp, err := client.Do(r)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", path, err)
			}
			<-ended
		})
		if log.String() != "" {
			t.Errorf("%s: %s", path, log)
		}
	}
}

// TestKeyIsNeverShown: a missing key fails at startup, and no way of printing shows the key.
func TestKeyIsNeverShown(t *testing.T) {
	for _, value := range []string{"", " \n"} {
		t.Setenv("LLM_API_KEY", value)
		if _, err := llm.KeyFromEnv("LLM_API_KEY"); err == nil || !strings.Contains(err.Error(), "LLM_API_KEY") {
			t.Errorf("%q: %v", value, err)
		}
	}
	k := key(t)
	cfg := llm.Config{Key: k}
	client := llm.New(cfg)
	var all strings.Builder
	for _, v := range []any{k, &k, cfg, &cfg, client, *client} {
		fmt.Fprintf(&all, "%v %+v %#v %s %q %x\n", v, v, v, v, v, v)
	}
	log := slog.New(slog.NewJSONHandler(&all, nil))
	log.Info("start", "key", k, "config", cfg)
	text, err := json.Marshal(cfg)
	fmt.Fprintln(&all, string(text), err)
	hex := fmt.Sprintf("%x", secret)
	if got := all.String(); strings.Contains(got, secret) || strings.Contains(got, hex) || !strings.Contains(got, "[key]") {
		t.Errorf("%s", got)
	}
}
