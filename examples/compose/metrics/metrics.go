// Package metrics exports OpenTelemetry metrics for Prometheus: the duration, status
// and route of each request, errors by status, timeouts, and the Stats of hubs,
// caches and backplanes.
//
//	provider, endpoint, err := metrics.Prometheus()
//	mux := http.NewServeMux()
//	m, err := metrics.New(provider, mux)
//	kit := middleware.New(middleware.Config{MaxDuration: time.Second, OnError: m.OnError(reply.Problem)})
//	mux.Handle("POST /notes", kit(m.Timeouts(notes)))
//	mux.Handle("GET /pages/{id}", m.Cached(pages.Middleware(page)))
//	err = m.Hub("events", events)
//	err = m.Cache("pages", pages)
//	err = metrics.Backplane(m, "events", log.Stats)
//	public := &http.Server{Addr: ":8080", Handler: m.Requests(mux)}
//	private := &http.Server{Addr: "127.0.0.1:9090", Handler: endpoint}
//
// The endpoint has its own listener: it is not public, and works even if the service
// rejects all requests.
//
// # What there is
//
// Names and attributes follow the semantic conventions if there is one. For
// Prometheus, dots become underscores, the unit is added, and counters end in _total.
//
//	http.server.request.duration  http.request.method, url.scheme, http.route,
//	                              http.response.status_code, error.type
//	apiece.errors                 http.route, http.response.status_code, error.type
//	apiece.timeouts               http.route
//	apiece.cache.responses        http.route, apiece.cache.status, apiece.cache.detail
//	apiece.hub.*                  apiece.hub.name
//	apiece.cache.*                apiece.cache.name
//	apiece.backplane.*            apiece.backplane.name
//
// apiece.errors counts the responses of OnError: a rejected body (400, 413, 415), a
// full hub (503), a rate limit (429), a Timeout (504), a panic (500). Its error.type
// is the Go type of the error, which distinguishes the 503 of a hub from that of a
// handler. Responses without OnError, such as the 404 and 405 of http.ServeMux, are
// only in http.server.request.duration.
//
// A timeout ends in one of two ways. If nothing was sent, OnError sends 504. If a
// part was sent, the connection is cut, without an error response.
// [Metrics.Timeouts], inside the Timeout, counts both, by the cause of the context:
// the difference between apiece.timeouts and the 504s of apiece.errors was cut. In
// http.server.request.duration a cut response has its status, and "aborted" as
// error.type.
//
// # How many series there are
//
// Clients cannot choose the value of an attribute: there is no path, no host, and no
// unknown method. The route is the pattern of the mux, without method and host. If a
// layer outside the mux rejects the request, or a Timeout does not wait for the
// handler, the request has no pattern yet, and it is looked up in the mux.
package metrics

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"
)

// Metrics has the instruments of one service. [New] creates them.
type Metrics struct {
	mux      *http.ServeMux
	meter    metric.Meter
	duration httpconv.ServerRequestDuration
	errors   metric.Int64Counter
	timeouts metric.Int64Counter
	cached   metric.Int64Counter
}

// New returns the metrics of a service whose routes are those of the mux.
func New(provider metric.MeterProvider, mux *http.ServeMux) (*Metrics, error) {
	meter := provider.Meter("github.com/apiece/apiece/examples/compose/metrics", metric.WithSchemaURL(semconv.SchemaURL))
	m := &Metrics{mux: mux, meter: meter}
	var failed [4]error
	m.duration, failed[0] = httpconv.NewServerRequestDuration(meter)
	m.errors, failed[1] = meter.Int64Counter("apiece.errors", metric.WithUnit("{error}"),
		metric.WithDescription("Errors that were answered, refusals included."))
	m.timeouts, failed[2] = meter.Int64Counter("apiece.timeouts", metric.WithUnit("{request}"),
		metric.WithDescription("Requests whose time was up, answered with 504 or cut."))
	m.cached, failed[3] = meter.Int64Counter("apiece.cache.responses", metric.WithUnit("{response}"),
		metric.WithDescription("Responses, by what Cache-Status (RFC 9211) says of them."))
	if err := errors.Join(failed[:]...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return m, nil
}

// Requests measures every request. Put it outside all layers that respond. A stream
// is measured when it has ended.
func (m *Metrics) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var res response
		defer func() { m.record(r, &res) }() // of a panic too
		w = httpsnoop.Wrap(w, httpsnoop.Hooks{Hijack: res.hijack})
		res.CaptureMetrics(w, func(w http.ResponseWriter) {
			next.ServeHTTP(w, r)
			res.returned = true
		})
	})
}

// A response is the outcome of a response.
type response struct {
	httpsnoop.Metrics      // whose Code is 0 if none was written
	returned          bool // the handler has, and did not panic
	upgraded          bool // to another protocol
	cut               bool // the connection was taken over in the middle
}

// hijack records why the connection is hijacked: for another protocol, or, if
// anything was sent before, to close it.
func (res *response) hijack(next httpsnoop.HijackFunc) httpsnoop.HijackFunc {
	return func() (net.Conn, *bufio.ReadWriter, error) {
		conn, buf, err := next()
		if err == nil {
			res.cut = res.begun()
			res.upgraded = !res.cut
		}
		return conn, buf, err
	}
}

func (res *response) begun() bool { return res.Code != 0 || res.Written > 0 }

// status returns the status of the response, 0 if there was none.
func (res *response) status() int {
	switch {
	case res.upgraded:
		return http.StatusSwitchingProtocols
	case res.returned || res.begun():
		return cmp.Or(res.Code, http.StatusOK)
	}
	return 0
}

func (m *Metrics) record(r *http.Request, res *response) {
	status := res.status()
	attrs := m.route(r)
	if status > 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(status))
	}
	switch {
	case res.cut || !res.returned:
		attrs = append(attrs, semconv.ErrorTypeKey.String("aborted"))
	case status >= 500:
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(status)))
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	m.duration.Record(context.WithoutCancel(r.Context()), res.Duration.Seconds(), method(r), scheme, attrs...)
}

// method returns the method if it is known.
func method(r *http.Request) httpconv.RequestMethodAttr {
	switch known := httpconv.RequestMethodAttr(r.Method); known {
	case httpconv.RequestMethodConnect, httpconv.RequestMethodDelete, httpconv.RequestMethodGet,
		httpconv.RequestMethodHead, httpconv.RequestMethodOptions, httpconv.RequestMethodPatch,
		httpconv.RequestMethodPost, httpconv.RequestMethodPut, httpconv.RequestMethodTrace:
		return known
	}
	return httpconv.RequestMethodOther
}

// route returns http.route, and nothing for a request that no route matches.
func (m *Metrics) route(r *http.Request) []attribute.KeyValue {
	pattern := r.Pattern
	if pattern == "" {
		_, pattern = m.mux.Handler(r)
	}
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return nil
	}
	return []attribute.KeyValue{semconv.HTTPRoute(pattern[slash:])}
}
