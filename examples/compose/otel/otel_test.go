package otel_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/otel"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A recorder stores the spans.
type recorder struct {
	exporter *tracetest.InMemoryExporter
	trace    func(http.Handler) http.Handler
}

func newRecorder() recorder {
	exporter := tracetest.NewInMemoryExporter()
	provider := trace.NewTracerProvider(trace.WithSyncer(exporter))
	return recorder{exporter, otel.Trace(otelhttp.WithTracerProvider(provider), otelhttp.WithPropagators(propagation.TraceContext{}))}
}

// span returns the only span. It closes the server first: a span ends after the response.
func (rec recorder) span(t *testing.T, s *loopback.Server) tracetest.SpanStub {
	t.Helper()
	s.Close()
	spans := rec.exporter.GetSpans()
	rec.exporter.Reset()
	if len(spans) != 1 {
		t.Fatalf("%d spans: %v", len(spans), spans)
	}
	return spans[0]
}

// attr is an attribute of the span as text, "" if it has none.
func attr(span tracetest.SpanStub, name string) string {
	for _, a := range span.Attributes {
		if string(a.Key) == name {
			return a.Value.String()
		}
	}
	return ""
}

// service has a Next.js route and a ServeMux route, inside the pieces.
func service(t *testing.T) http.Handler {
	posts, err := pattern.NewHandler(map[string]http.Handler{"/api/post/[pid]": reply.Handler(post, otel.OnError)}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	posts.Register(mux)
	mux.Handle("POST /notes/{id}", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 204, nil)
	}))
	return middleware.New(config)(mux)
}

var config = middleware.Config{
	BodyParser:  bodyparser.Config{Limit: 10},
	MaxDuration: time.Minute,
	OnError:     otel.OnError,
	Logger:      slog.New(slog.DiscardHandler),
}

func post(w http.ResponseWriter, r *http.Request) error {
	switch r.PathValue("pid") {
	case "panic":
		panic("on purpose")
	case "error":
		return errors.New("disk on fire")
	case "none":
		return reply.NewError(404, "No such post")
	case "slow":
		_ = middleware.Extend(r, 0) // the time is up
		<-r.Context().Done()
		return r.Context().Err()
	}
	return reply.JSON(w, r, 200, r.PathValue("pid"))
}

// TestTraceSpans: every response is in the trace, under its route, from any layer.
func TestTraceSpans(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler))
	rec := newRecorder()
	h := rec.trace(service(t))
	for _, tt := range []struct {
		method, path, body string
		route              string
		status             string
		code               codes.Code
		cause              string // in the span
	}{
		{"GET", "/api/post/1", "", "/api/post/[pid]", "200", codes.Unset, ""},
		{"GET", "/api/post/none", "", "/api/post/[pid]", "404", codes.Unset, ""},
		{"GET", "/api/post/error", "", "/api/post/[pid]", "500", codes.Error, "disk on fire"},
		{"GET", "/api/post/panic", "", "/api/post/[pid]", "500", codes.Error, "Internal Server Error: panic: on purpose"},
		{"GET", "/api/post/slow", "", "/api/post/[pid]", "504", codes.Error, "middleware: the handler did not answer within 1m0s"},
		{"POST", "/notes/1", "short", "/notes/{id}", "204", codes.Unset, ""},
		{"POST", "/notes/1", "rather long", "", "413", codes.Unset, ""}, // refused before the mux
		{"PUT", "/notes/1", "", "", "405", codes.Unset, ""},
		{"GET", "/nowhere", "", "", "404", codes.Unset, ""},
	} {
		loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
			resp, _ := s.Do(tt.method, tt.path, tt.body)
			span := rec.span(t, s)
			route, name := tt.route, strings.TrimSuffix(tt.method+" "+tt.route, " ")
			if resp.ProtoMajor == 2 && tt.status == "504" {
				route, name = "", tt.method // see the package comment; update it if the route is known now
			}
			if span.Name != name || attr(span, "http.route") != route || attr(span, "http.response.status_code") != tt.status || span.Status.Code != tt.code {
				t.Errorf("%s %s: %q with %v, %v; want %q, route %q, %s, %v", tt.method, tt.path, span.Name, span.Attributes, span.Status, name, route, tt.status, tt.code)
			}
			if got := cause(span); got != tt.cause {
				t.Errorf("%s %s: the span says %q, want %q", tt.method, tt.path, got, tt.cause)
			}
		})
	}
}

// cause is what OnError has left in the span.
func cause(span tracetest.SpanStub) (text string) {
	for _, event := range span.Events {
		for _, a := range event.Attributes {
			if a.Key == "exception.message" {
				text += a.Value.AsString()
			}
		}
	}
	return text
}

// TestTraceInside: around the handler the route is always known.
func TestTraceInside(t *testing.T) {
	rec := newRecorder()
	mux := http.NewServeMux()
	mux.Handle("GET /posts/{pid}", rec.trace(middleware.New(config)(reply.Handler(post, otel.OnError))))
	loopback.Both(t, mux, func(t *testing.T, s *loopback.Server) {
		s.Do("GET", "/posts/slow", "")
		if span := rec.span(t, s); span.Name != "GET /posts/{pid}" || attr(span, "http.route") != "/posts/{pid}" || attr(span, "http.response.status_code") != "504" {
			t.Errorf("%q with %v", span.Name, span.Attributes)
		}
	})
}

// TestTraceStream: events arrive one at a time, and the span is as long as the
// stream.
func TestTraceStream(t *testing.T) {
	rec := newRecorder()
	proceed := make(chan struct{})
	h := rec.trace(middleware.New(config)(stream.Handler(stream.Config{}, func(out *stream.Stream) error {
		if err := out.Send(stream.Event{Data: "one"}); err != nil {
			return err
		}
		select {
		case <-proceed:
		case <-out.Context().Done():
		}
		return out.Send(stream.Event{Data: "two"})
	})))
	loopback.Both(t, h, func(t *testing.T, s *loopback.Server) {
		lines := bufio.NewReader(s.Open("GET", "/events", "").Body)
		if line, err := lines.ReadString('\n'); line != "data: one\n" {
			t.Fatalf("first %q, %v", line, err)
		}
		if n := len(rec.exporter.GetSpans()); n != 0 {
			t.Errorf("%d spans have ended while the stream goes on", n)
		}
		proceed <- struct{}{}
		rest, err := io.ReadAll(lines)
		if string(rest) != "\ndata: two\n\n" {
			t.Fatalf("then %q, %v", rest, err)
		}
		if span := rec.span(t, s); attr(span, "http.response.status_code") != "200" || attr(span, "http.response.body.size") != "22" {
			t.Errorf("%v", span.Attributes)
		}
	})
}

// TestTraceOfClient: the trace of a client is linked to.
func TestTraceOfClient(t *testing.T) {
	rec := newRecorder()
	s := loopback.Serve(t, rec.trace(service(t)))
	const theirs = "0af7651916cd43dd8448eb211c80319c"
	s.Do("GET", "/api/post/1", "", "Traceparent: 00-"+theirs+"-b7ad6b7169203331-01", "X-Forwarded-For: 203.0.113.7")
	span := rec.span(t, s)
	if span.SpanContext.TraceID().String() == theirs || len(span.Links) != 1 || span.Links[0].SpanContext.TraceID().String() != theirs {
		t.Errorf("trace %s, links %v", span.SpanContext.TraceID(), span.Links)
	}
	if got := attr(span, "client.address"); got != "203.0.113.7" {
		t.Errorf("client.address is %q; if it cannot be made up any more, say so at Trace", got)
	}
}

func Example() {
	exporter := tracetest.NewInMemoryExporter() // in a service, that of OTLP
	provider := trace.NewTracerProvider(trace.WithSyncer(exporter))

	mux := http.NewServeMux()
	mux.Handle("GET /posts/{pid}", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, r.PathValue("pid"))
	}))
	kit := middleware.New(middleware.Config{MaxDuration: time.Second, OnError: otel.OnError})
	service := otel.Trace(otelhttp.WithTracerProvider(provider))(kit(mux))

	service.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/posts/7", nil))
	for _, span := range exporter.GetSpans() {
		fmt.Println(span.Name, attr(span, "http.route"), attr(span, "http.response.status_code"))
	}
	// Output: GET /posts/{pid} /posts/{pid} 200
}
