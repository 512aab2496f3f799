// Package otel traces a service: otelhttp around the kit, and the kit's pieces
// pass on what a trace wants to know.
//
// otelhttp makes a span of each request and notes the status, which is the one
// the client gets if otelhttp is outside of all that answers: a 413, a 504 and
// the 500 of a panic are in the trace like everything else. The name of the span
// is the route. It reads that off the request it has passed on, which the kit's
// pieces keep for it, also those that make a copy.
//
// There is one exception. Over HTTP/2 a Timeout leaves a handler that is over
// its time behind, with its request, and then does not know the route. Where
// that counts, stand inside of the mux: wrap the handlers rather than the mux.
// Then otelhttp knows the route from the start.
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

// Trace is otelhttp for a service that anybody can call: a trace of the
// client's is linked to and not continued, since the client could choose which
// of ours are kept. Mind that client.address is X-Forwarded-For, where a client
// has sent one: what it says, not where it is.
func Trace(options ...otelhttp.Option) func(http.Handler) http.Handler {
	traced := otelhttp.NewMiddleware("", append([]otelhttp.Option{
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
	}, options...)...)
	return neighbours.HandBack(func(next http.Handler) http.Handler { return traced(noteRoute(next)) })
}

// noteRoute adds http.route to the span. Of its own otelhttp does so only if it
// stands inside of the mux.
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

// OnError answers as [reply.Problem] does, and leaves the reason for a 500 in
// the span. It is for the OnError of middleware.Config and for reply.Handler.
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
