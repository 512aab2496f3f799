package reply_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
)

type coded struct {
	status int
	public string
}

func (c coded) Error() string         { return "secret" }
func (c coded) StatusCode() int       { return c.status }
func (c coded) PublicMessage() string { return c.public }

func TestErrorResponses(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		status  int
		problem string
		plain   string
		why     string
	}{
		{"any error", errors.New("secret"), 500, `{"title":"Internal Server Error","status":500}`, "Internal Server Error",
			"the text of an error is the server's"},
		{"NewError", reply.NewError(404, "No such post"), 404, `{"title":"Not Found","status":404,"detail":"No such post"}`, "No such post",
			"the message is the client's"},
		{"no message", reply.NewError(409, ""), 409, `{"title":"Conflict","status":409}`, "Conflict", "the status says enough"},
		{"cause", reply.NewError(404, "No").WithCause(errors.New("secret")), 404, `{"title":"Not Found","status":404,"detail":"No"}`, "No",
			"the cause is the server's"},
		{"wrapped", fmt.Errorf("secret: %w", reply.NewError(403, "Not yours")), 403, `{"title":"Forbidden","status":403,"detail":"Not yours"}`, "Not yours",
			"a wrapped error keeps its answer"},
		{"joined", errors.Join(errors.New("secret"), reply.NewError(403, "")), 403, `{"title":"Forbidden","status":403}`, "Forbidden",
			"anywhere in the tree"},
		{"foreign", coded{422, "Too short"}, 422, `{"title":"Unprocessable Entity","status":422,"detail":"Too short"}`, "Too short",
			"any type with the methods"},
		{"foreign success", coded{200, "fine"}, 500, `{"title":"Internal Server Error","status":500,"detail":"fine"}`, "fine",
			"an error is never a success"},
		{"zero", new(reply.Error), 500, `{"title":"Internal Server Error","status":500}`, "Internal Server Error", "the zero Error"},
		{"unregistered", reply.NewError(499, ""), 499, `{"title":"Error 499","status":499}`, "Error 499", "a status without a text"},
		{"out of range", reply.NewError(42, "x"), 500, `{"title":"Internal Server Error","status":500,"detail":"x"}`, "x", "no such status"},
		{"MaxBytesError", fmt.Errorf("reading: %w", &http.MaxBytesError{Limit: 5}), 413, `{"title":"Request Entity Too Large","status":413}`, "Request Entity Too Large",
			"of http.MaxBytesReader"},
		{"members", reply.NewError(400, "Bad").With("errors", []string{"<a>"}).With("title", "Mine").With("type", "/p").With("status", 200).With("bad", make(chan int)), 400,
			`{"type":"/p","title":"Mine","status":400,"detail":"Bad","errors":["<a>"]}`, "Bad", "known members first, the status is the error's"},
		{"inner message", reply.NewError(502, "").WithCause(coded{400, "secret"}), 502, `{"title":"Bad Gateway","status":502}`, "Bad Gateway",
			"status and message are of one error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, render := range map[string]func(http.ResponseWriter, *http.Request, error){"problem": reply.Problem, "plain": reply.PlainError} {
				want, ctype := tt.problem, "application/problem+json"
				if name == "plain" {
					want, ctype = tt.plain, "text/plain; charset=utf-8"
				}
				for _, method := range []string{"POST", "HEAD"} {
					w := httptest.NewRecorder()
					render(w, httptest.NewRequest(method, "/", nil), tt.err)
					if method == "HEAD" {
						want = ""
					}
					if w.Code != tt.status || w.Body.String() != want || w.Header().Get("Content-Type") != ctype || w.Header().Get("X-Content-Type-Options") != "nosniff" {
						t.Errorf("%s %s: %d %q %v, want %d %q: %s", name, method, w.Code, w.Body, w.Header(), tt.status, want, tt.why)
					}
				}
			}
		})
	}
}

func TestErrorHeader(t *testing.T) {
	base := reply.NewError(429, "Slow down").WithHeader("Retry-After", "5")
	more := base.WithHeader("X-Limit", "10").WithHeader("Vary", "Cookie").With("limit", 10)
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Origin")
	reply.Problem(w, httptest.NewRequest("GET", "/", nil), more)
	if w.Header().Get("Retry-After") != "5" || w.Header().Get("X-Limit") != "10" {
		t.Errorf("header %v", w.Header())
	}
	if got := w.Header().Values("Vary"); len(got) != 2 {
		t.Errorf("Vary %v: what the layers outside vary by is lost", got)
	}
	w.Header().Add("Retry-After", "6")
	if got := base.Header().Values("Retry-After"); len(got) != 1 {
		t.Error("answering has changed the error")
	}
	w = httptest.NewRecorder()
	reply.Problem(w, httptest.NewRequest("GET", "/", nil), reply.NewError(502, "").WithCause(more))
	if w.Header().Get("X-Limit") != "" || strings.Contains(w.Body.String(), "limit") {
		t.Errorf("%v %s: what belongs to the cause is not the client's", w.Header(), w.Body)
	}
	if base.Header().Get("X-Limit") != "" || base.ProblemMembers() != nil {
		t.Error("With and WithHeader change the error they copy")
	}
}

// Input from clients may contain any byte.
func TestErrorHeaderControlBytes(t *testing.T) {
	for value, want := range map[string]string{
		"a b\tc": "a b\tc", "é": "é", "a\r\nX-B: c": "", "a\nb": "", "a\x00b": "", "\x1b[2J": "", "a\x7f": "",
	} {
		w := httptest.NewRecorder()
		w.Header().Set("X-Outside", "kept")
		reply.Problem(w, httptest.NewRequest("GET", "/", nil), reply.NewError(400, "").WithHeader("X-Reason", value).WithHeader("X-Outside", value))
		if got := w.Header().Get("X-Reason"); got != want || w.Code != 400 {
			t.Errorf("%q is sent as %q, want %q", value, got, want)
		}
		if got := w.Header().Get("X-Outside"); want == "" && got != "kept" {
			t.Errorf("%q takes the place of what was set outside: %q", value, got)
		}
	}
}

// TestHandlerOutcomes tests every way in which a handler can end.
func TestHandlerOutcomes(t *testing.T) {
	quiet := func(http.ResponseWriter, *http.Request, error) {}
	tests := []struct {
		name    string
		fn      reply.HandlerFunc
		onError func(http.ResponseWriter, *http.Request, error)
		status  int // 0: the connection is aborted
		body    string
		records int
		why     string
	}{
		{"nil", func(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 200, "ok") }, nil, 200, "ok", 0, "nothing failed"},
		{"404", func(w http.ResponseWriter, r *http.Request) error { return reply.NewError(404, "No") }, reply.PlainError, 404, "No", 0,
			"the client's mistake is not the server's news"},
		{"500", func(w http.ResponseWriter, r *http.Request) error { return errors.New("secret") }, reply.PlainError, 500, "Internal Server Error", 1,
			"one record"},
		{"503", func(w http.ResponseWriter, r *http.Request) error {
			return reply.NewError(503, "Later").WithCause(errors.New("secret"))
		}, reply.PlainError, 503, "Later", 1, "one record"},
		{"encoder", func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, make(chan int)) }, nil, 500,
			`{"title":"Internal Server Error","status":500}`, 1, "answered by JSON, logged here, once"},
		{"encoder with a hook", func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, make(chan int)) }, reply.PlainError, 500,
			"Internal Server Error", 1, "a service has one form for its errors"},
		{"encoder, and the error is dropped", func(w http.ResponseWriter, r *http.Request) error {
			_ = reply.JSON(w, r, 200, make(chan int))
			return nil
		}, reply.PlainError, 500, "Internal Server Error", 1, "no empty 200, and no 500 without a record"},
		{"encoder behind a foreign wrapper", func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(testkit.Unwrapping{ResponseWriter: w}, r, 200, make(chan int))
		}, reply.PlainError, 500, "Internal Server Error", 1, "which shows what stands outside of it"},
		{"encoder behind a wrapper that hides", func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(struct{ http.ResponseWriter }{w}, r, 200, make(chan int))
		}, reply.PlainError, 500, "Internal Server Error", 1, "the hook comes with the request"},
		{"a hook that fails to answer", func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, make(chan int)) },
			func(w http.ResponseWriter, r *http.Request, err error) { _ = reply.JSON(w, r, 500, make(chan int)) }, 500,
			`{"title":"Internal Server Error","status":500}`, 1, "it is not asked again"},
		{"a handler within a handler", func(w http.ResponseWriter, r *http.Request) error {
			reply.Handler(func(http.ResponseWriter, *http.Request) error { return nil }, nil).ServeHTTP(w, r)
			return reply.Send(w, r, 99, "no such status")
		}, reply.PlainError, 500, "Internal Server Error", 1, "each has its own hook"},
		{"wrapped answer", func(w http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("listing posts: %w", reply.JSON(w, r, 200, make(chan int)))
		}, reply.PlainError, 500, "Internal Server Error", 1, "the mark survives wrapping"},
		{"after the body", func(w http.ResponseWriter, r *http.Request) error {
			reply.JSON(w, r, 200, 1)
			return errors.New("late")
		}, nil, 200, "1", 1, "the answer is whole: nothing to abort"},
		{"after a part", func(w http.ResponseWriter, r *http.Request) error {
			io.WriteString(w, strings.Repeat("x", 5000))
			return errors.New("late")
		}, nil, 0, "", 1, "anything appended would pass for the body"},
		{"after a header", func(w http.ResponseWriter, r *http.Request) error {
			w.WriteHeader(200)
			return reply.NewError(404, "late")
		}, nil, 0, "", 1, "an empty 200 is no answer to an error"},
		{"silent hook", func(w http.ResponseWriter, r *http.Request) error { return reply.NewError(404, "No") }, quiet, 500,
			`{"title":"Internal Server Error","status":500}`, 1, "an empty 200 is no answer to an error, and this 500 is one of ours"},
		{"half a body, then JSON fails", func(w http.ResponseWriter, r *http.Request) error {
			foreign := testkit.Unwrapping{ResponseWriter: w}
			io.WriteString(foreign, `{"items":[`)
			return reply.JSON(foreign, r, 200, make(chan int))
		}, nil, 0, "", 1, "a problem document in the middle of an array would look whole"},
		{"closing fails", func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, badCloser{strings.NewReader("whole")})
		}, nil, 200, "whole", 1, "the client has everything; the log has the rest"},
		{"copying fails at once", func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.Copy(w, failing{})
			return err
		}, reply.PlainError, 500, "Internal Server Error", 1, "nothing is out"},
		{"abort", func(w http.ResponseWriter, r *http.Request) error { return http.ErrAbortHandler }, nil, 0, "", 0, "net/http's own word"},
		{"an error of another response", func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(httptest.NewRecorder(), r, 200, make(chan int))
		}, reply.PlainError, 500, "Internal Server Error", 1, "that one has its answer, this one has none"},
		{"a deadline of another request", func(w http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("fetching: %w", http.ErrHandlerTimeout)
		}, reply.PlainError, 500, "Internal Server Error", 1, "what an error says of a response says nothing of this one"},
		{"timeout", func(w http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("query: %w", context.DeadlineExceeded)
		}, reply.PlainError, 500, "Internal Server Error", 1, "a deadline of the handler's own"},
		{"cancelled", func(w http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("query: %w", context.Canceled)
		}, reply.PlainError, 500, "Internal Server Error", 1, "a context of the handler's own"},
	}
	defer slog.SetDefault(slog.Default())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				slog.SetDefault(log.Logger())
				mux := http.NewServeMux()
				mux.Handle("GET /x/{id}", reply.Handler(tt.fn, tt.onError))
				client, url := tr.Serve(t, mux)
				resp, err := client.Get(url + "/x/1")
				var body []byte
				if err == nil {
					defer resp.Body.Close()
					body, err = io.ReadAll(resp.Body)
				}
				if tt.status == 0 {
					if err == nil {
						t.Errorf("%d %q, want an aborted connection: %s", resp.StatusCode, body, tt.why)
					}
				} else if err != nil || resp.StatusCode != tt.status || string(body) != tt.body {
					t.Errorf("%v %q %v, want %d %q: %s", resp, body, err, tt.status, tt.body, tt.why)
				}
				records := log.Records()
				if len(records) != tt.records {
					t.Fatalf("%d records, want %d: %s", len(records), tt.records, tt.why)
				}
				for _, rec := range records {
					if rec.Level != slog.LevelError || testkit.Attr(rec, "method") != "GET" || testkit.Attr(rec, "pattern") != "GET /x/{id}" || testkit.Attr(rec, "error") == "" {
						t.Errorf("record %v lacks method, pattern or error", rec)
					}
				}
			})
		})
	}
}

type badCloser struct{ io.Reader }

func (badCloser) Close() error { return errors.New("disk on fire") }

// TestHandlerClientGone: no client is left to respond to, and nothing went wrong.
func TestHandlerClientGone(t *testing.T) {
	var log testkit.Log
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(log.Logger())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	if !aborts(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return fmt.Errorf("query: %w", r.Context().Err())
	}), w, httptest.NewRequest("GET", "/", nil).WithContext(ctx)) {
		t.Error("an empty 200 was left behind")
	}
	if len(log.Records()) != 0 || w.Body.Len() != 0 {
		t.Errorf("%d records, %q written", len(log.Records()), w.Body)
	}

	broken := &brokenWriter{ResponseRecorder: httptest.NewRecorder()}
	if !aborts(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 200, "hello")
	}), broken, httptest.NewRequest("GET", "/", nil)) {
		t.Error("half a body was left to look whole")
	}
	if len(log.Records()) != 0 {
		t.Errorf("a broken pipe was logged: %v", log.Records())
	}
}

func aborts(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() { aborted = recover() == http.ErrAbortHandler }()
	h.ServeHTTP(w, r)
	return
}

type brokenWriter struct{ *httptest.ResponseRecorder }

func (brokenWriter) Write([]byte) (int, error)       { return 0, errors.New("broken pipe") }
func (brokenWriter) WriteString(string) (int, error) { return 0, errors.New("broken pipe") }
