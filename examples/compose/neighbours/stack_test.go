package neighbours_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2/memstore"
	"github.com/justinas/alice"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/examples/compose/auth"
	"github.com/apiece/apiece/examples/compose/cors"
	"github.com/apiece/apiece/examples/compose/csrf"
	"github.com/apiece/apiece/examples/compose/gzip"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/examples/compose/otel"
	"github.com/apiece/apiece/examples/compose/ratelimit"
	"github.com/apiece/apiece/examples/compose/session"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestReadmeStack is the order of the README as one service: each layer works on the
// responses of all the others.
func TestReadmeStack(t *testing.T) {
	const app = "https://app.example"
	exporter := tracetest.NewInMemoryExporter()
	tokens := auth.NewTokens([]byte("thirty-two bytes that are secret"), "https://api.example", time.Hour)
	sessions := session.New()
	sessions.Store = memstore.NewWithCleanupInterval(0)
	chain := alice.New(
		cors.Allow(app),
		otel.Trace(otelhttp.WithTracerProvider(trace.NewTracerProvider(trace.WithSyncer(exporter)))),
		ratelimit.PerClient(7, time.Hour),
		csrf.Origins(csrf.Config{Trusted: []string{app}}),
		gzip.Compress(),
		neighbours.HandBack(sessions.LoadAndSave),
	).Extend(middleware.Chain(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10},
		MaxDuration: time.Minute,
		OnError:     otel.OnError,
		Logger:      slog.New(slog.DiscardHandler),
	}))
	guard := alice.New(auth.Require(tokens.Verify))
	mux := http.NewServeMux()
	mux.Handle("POST /notes/{id}", guard.Then(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		sessions.Put(r.Context(), "note", r.PathValue("id"))
		if r.PathValue("id") == "slow" {
			_ = middleware.Extend(r, 0) // the time is up
			<-r.Context().Done()
			return r.Context().Err()
		}
		return reply.JSON(w, r, 200, strings.Repeat("note ", 1000))
	})))
	s := loopback.Serve(t, chain.Then(mux))

	token, err := tokens.Issue(auth.User{ID: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	mine := "Authorization: Bearer " + token
	for _, tt := range []struct {
		path, body, origin, authorization string
		status                            int
		session                           bool
		coding                            string
	}{
		{"/notes/1", "short", app, mine, 200, true, "gzip"},
		{"/notes/1", "rather long", app, mine, 413, false, ""},
		{"/notes/1", "short", app, "", 401, false, ""},
		{"/nowhere", "short", app, mine, 404, false, ""},
		{"/notes/slow", "short", app, mine, 504, true, ""},
		{"/notes/1", "short", "https://evil.example", mine, 403, false, ""},
		{"/notes/1", "short", app, mine, 200, true, "gzip"},
		{"/notes/1", "short", app, mine, 429, false, ""},
	} {
		resp, body := s.Do("POST", tt.path, tt.body, "Content-Type: text/plain", "Accept-Encoding: gzip",
			"Sec-Fetch-Site: cross-site", "Origin: "+tt.origin, tt.authorization)
		h := resp.Header
		readable := h.Get("Access-Control-Allow-Origin") == app
		if resp.StatusCode != tt.status || readable != (tt.origin == app) || (len(resp.Cookies()) == 1) != tt.session || h.Get("Content-Encoding") != tt.coding {
			t.Errorf("%s %q from %s: %d %v %.200s", tt.path, tt.body, tt.origin, resp.StatusCode, h, body)
		}
	}
	s.Close()
	spans := exporter.GetSpans() // in the order they ended, which may be after the response
	slices.SortFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var names []string
	for _, span := range spans {
		names = append(names, span.Name)
	}
	const want = "POST /notes/{id},POST,POST /notes/{id},POST,POST /notes/{id},POST,POST /notes/{id},POST"
	if got := strings.Join(names, ","); got != want {
		t.Errorf("spans: %s, want %s", got, want)
	}
}
