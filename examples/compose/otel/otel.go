// Package otel traces a service with OpenTelemetry: otelhttp around the kit, whose
// pieces pass on the route and the cause of errors.
//
// otelhttp creates a span for each request with the status. If otelhttp is outside
// all layers that respond, that is the status the client gets: a 413, a 504 and the
// 500 of a panic are in the trace too. The name of the span is the route. It reads
// the route from its request, where the kit's pieces set it, even those that copy the
// request.
//
// There is one exception. Over HTTP/2 a Timeout does not wait for a handler after the
// deadline, and then the route is unknown. If that matters, put otelhttp inside the
// mux: wrap the handlers rather than the mux. Then otelhttp knows the route from the
// start.
package otel

import (
	"errors"
	"net/http"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/apiece/apiece/examples/compose/neighbours"
	"github.com/apiece/apiece/reply"
)

// Trace is otelhttp for a public service: it links to the trace of a client and does
// not continue it, since the client could control our sampling. Note that
// client.address is X-Forwarded-For, which a client can forge.
func Trace(options ...otelhttp.Option) func(http.Handler) http.Handler {
	traced := otelhttp.NewMiddleware("", append([]otelhttp.Option{
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
	}, options...)...)
	return neighbours.HandBack(func(next http.Handler) http.Handler { return traced(noteRoute(next)) })
}

// noteRoute adds http.route to the span. otelhttp does so only inside the mux.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if slash := strings.IndexByte(r.Pattern, '/'); slash >= 0 {
				trace.SpanFromContext(r.Context()).SetAttributes(attribute.String("http.route", r.Pattern[slash:]))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// OnError responds like [reply.Problem], and records the cause of a 500 in the span.
// Use it as the OnError of middleware.Config and of reply.Handler.
func OnError(w http.ResponseWriter, r *http.Request, err error) {
	status, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err)
	if !ok || status.StatusCode() >= 500 {
		trace.SpanFromContext(r.Context()).RecordError(err)
	}
	reply.Problem(w, r, err)
}
