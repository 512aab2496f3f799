package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

func TestConfigJSON(t *testing.T) {
	tests := []struct {
		json string
		want middleware.Config
		err  string
		why  string
	}{
		{`{}`, middleware.Config{}, "", "the defaults"},
		{`{"bodyParser": {"sizeLimit": "500kb"}}`, middleware.Config{BodyParser: bodyparser.Config{Limit: 500 * bytesize.KB}}, "", "Next's form"},
		{`{"bodyParser": {"sizeLimit": 1000}}`, middleware.Config{BodyParser: bodyparser.Config{Limit: 1000}}, "", "bytes"},
		{`{"bodyParser": false}`, middleware.Config{BodyParser: bodyparser.Config{Raw: true}}, "", "Next's word for raw"},
		{`{"bodyParser": true}`, middleware.Config{}, "", "the default"},
		{`{"responseLimit": "8mb"}`, middleware.Config{ResponseLimit: 8 * bytesize.MB}, "", ""},
		{`{"responseLimit": false}`, middleware.Config{ResponseLimit: bytesize.Unlimited}, "", "Next's word for none"},
		{`{"responseLimit": true}`, middleware.Config{}, "", "Next's word for its default"},
		{`{"maxDuration": 5}`, middleware.Config{MaxDuration: 5 * time.Second}, "", "seconds, not nanoseconds"},
		{`{"maxDuration": 0.5}`, middleware.Config{MaxDuration: 500 * time.Millisecond}, "", ""},
		{`{"maxDuration": "1m30s"}`, middleware.Config{MaxDuration: 90 * time.Second}, "", "a Go duration"},
		{`{"externalResolver": false}`, middleware.Config{WarnUnresolved: true}, "", "asks for the warning"},
		{`{"externalResolver": true}`, middleware.Config{}, "", ""},
		{`{"maxDuration": "5"}`, middleware.Config{}, "missing unit", "neither"},
		{`{"maxDuration": null, "responseLimit": null, "bodyParser": null}`, middleware.Config{}, "", "as if they were absent"},
		{`{"maxDuration": "-5s"}`, middleware.Config{}, "out of range", "nothing ends before it begins"},
		{`{"maxDuration": -1}`, middleware.Config{}, "out of range", "nothing ends before it begins"},
		{`{"maxDuration": 1e300}`, middleware.Config{}, "out of range", "would overflow"},
		{`{"maxDuration": true}`, middleware.Config{}, "neither a number", ""},
		{`{"responseLimit": "8 mib"}`, middleware.Config{}, "mib", "no such unit"},
		{`{"sizeLimit": "1mb"}`, middleware.Config{}, "sizeLimit", "belongs inside bodyParser"},
		{`{"bodyParser": {"limit": "1mb"}}`, middleware.Config{}, "limit", "no such name"},
		{`{"bodyParser": 5}`, middleware.Config{}, "bodyParser", "neither"},
	}
	for _, tt := range tests {
		var got middleware.Config
		err := json.Unmarshal([]byte(tt.json), &got)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: error %v, want one about %q: %s", tt.json, err, tt.err, tt.why)
			}
			continue
		}
		if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", tt.want) {
			t.Errorf("%s: %+v, %v; want %+v: %s", tt.json, got, err, tt.want, tt.why)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var again middleware.Config
		if err := json.Unmarshal(text, &again); err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", got) {
			t.Errorf("%s reads back as %+v, %v", text, again, err)
		}
	}

	// Fields that the file does not name keep their value.
	kept := middleware.Config{MaxDuration: time.Second}
	if err := json.Unmarshal([]byte(`{"responseLimit": "1mb"}`), &kept); err != nil || kept.MaxDuration != time.Second || kept.ResponseLimit != bytesize.MB {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestConfigValidate(t *testing.T) {
	bad := middleware.Config{
		MaxDuration: 5,
		BodyParser:  bodyparser.Config{Raw: true, UniqueKeys: true},
	}
	err := bad.Validate()
	for _, want := range []string{"5*time.Second", "UniqueKeys"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate() = %v, which does not name %s", err, want)
		}
	}
	defer func() {
		if p := recover(); fmt.Sprint(p) != fmt.Sprint(err) {
			t.Errorf("New panics with %v, want %v", p, err)
		}
	}()
	middleware.New(bad)
}

// TestChainOrder infers the order from the effect of each layer on the others.
func TestChainOrder(t *testing.T) {
	var log testkit.Log
	config := middleware.Config{
		BodyParser:     bodyparser.Config{Limit: 10},
		MaxDuration:    time.Second,
		WarnUnresolved: true,
		OnError:        reply.PlainError,
		Logger:         log.Logger(),
	}
	tests := []struct {
		name    string
		config  func(*middleware.Config)
		body    string
		handle  http.HandlerFunc
		status  int
		text    string
		records int
		why     string
	}{
		{"fine", func(*middleware.Config) {}, `{"a":1}`, func(w http.ResponseWriter, r *http.Request) {
			body, ok := bodyparser.From(r)
			if !ok || string(body.Bytes()) != `{"a":1}` {
				t.Error("the handler has no body")
			}
			if _, ok := r.Context().Deadline(); !ok {
				t.Error("the handler has no deadline")
			}
			io.WriteString(w, "ok")
		}, 200, "ok", 0, ""},
		{"413", func(*middleware.Config) {}, `{"a":"too long"}`, nil, 413, "Body exceeded 10b limit", 0, "refused before the handler"},
		{"panic", func(*middleware.Config) {}, "", func(w http.ResponseWriter, r *http.Request) { panic("x") }, 500, "Internal Server Error", 1,
			"Recover answers through OnError"},
		{"panic in a piece", func(c *middleware.Config) {
			c.BodyParser.Verify = func(*http.Request, []byte) error { panic("x") }
		}, "", nil, 500, "Internal Server Error", 1, "Recover is outside the parser"},
		{"unresolved", func(*middleware.Config) {}, "", func(w http.ResponseWriter, r *http.Request) {}, 200, "", 1, ""},
		{"large error", func(c *middleware.Config) {
			c.ResponseLimit = 5
		}, `{"a":"too long"}`, nil, 413, "Body exceeded 10b limit", 1, "ResponseLimit sees what the parser answers"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log = testkit.Log{}
			c := config
			tt.config(&c)
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			w := httptest.NewRecorder()
			middleware.New(c)(tt.handle).ServeHTTP(w, r)
			if w.Code != tt.status || w.Body.String() != tt.text || len(log.Records()) != tt.records {
				t.Errorf("%d %q with records %v, want %d %q and %d: %s", w.Code, w.Body, log.Records(), tt.status, tt.text, tt.records, tt.why)
			}
		})
	}
}

// TestOnErrorGetsPanic: OnError gets the panic, for a trace or a report, and the
// client does not. If the value is an error, only its text is kept, so that a hook does
// not render it as a returned one.
func TestOnErrorGetsPanic(t *testing.T) {
	var log testkit.Log
	lost := errors.New("connection lost")
	for _, max := range []time.Duration{0, time.Hour} {
		var seen error
		h := middleware.New(middleware.Config{MaxDuration: max, Logger: log.Logger(), OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			seen = err
			reply.PlainError(w, r, err)
		}})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(lost) }))
		resp := testkit.HTTP2.Do(t, h, httptest.NewRequest("GET", "/", nil))
		body := testkit.Body(t, resp)
		if seen == nil || !strings.HasSuffix(seen.Error(), "panic: connection lost") || errors.Is(seen, lost) || body != "Internal Server Error" {
			t.Errorf("MaxDuration %v: the hook got %v, the client %q", max, seen, body)
		}
	}
}

// TestConstructorsFitAlice: alice accepts each constructor.
func TestConstructorsFitAlice(t *testing.T) {
	h := alice.New(
		middleware.Recover(nil),
		middleware.Unresolved(nil),
		middleware.ResponseLimit(0),
		middleware.Timeout(time.Second),
		middleware.New(middleware.Config{}),
	).Extend(middleware.Chain(middleware.Config{})).ThenFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Body.String() != "ok" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// TestSingleLayerAllocs: a single layer wraps the writer, and needs nothing else.
func TestSingleLayerAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	text := []byte("a response")
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(text) })
	for _, tt := range []struct {
		name string
		h    http.Handler
		want float64
	}{
		{"Recover", middleware.Recover(nil)(handler), 1},
		{"ResponseLimit", middleware.ResponseLimit(0)(handler), 1},
		{"ResponseLimit, abort", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Action: middleware.LimitAbort})(handler), 1},
		{"Unresolved", middleware.Unresolved(nil)(handler), 1},
		{"Methods", middleware.Methods{"GET": handler}, 0},
	} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		w.Body = nil // which would grow
		if got := testing.AllocsPerRun(100, func() { tt.h.ServeHTTP(w, r) }); got > tt.want {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.want)
		}
	}
}

// TestAdjacentLayersAllocs: adjacent layers share what they need.
func TestAdjacentLayersAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	quiet := slog.New(slog.DiscardHandler)
	for _, tt := range []struct {
		config middleware.Config
		want   float64
	}{
		{middleware.Config{}, 3},
		{middleware.Config{Logger: quiet}, 2},
		{middleware.Config{MaxDuration: time.Hour}, 1},
		{middleware.Config{MaxDuration: time.Hour, Logger: quiet}, 1},
	} {
		h := middleware.New(tt.config)(handler)
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > tt.want {
			t.Errorf("MaxDuration %v, Logger %v: %v allocations, want at most %v", tt.config.MaxDuration, tt.config.Logger != nil, got, tt.want)
		}
	}
}
