package metrics

import (
	"context"
	"errors"
	"net/http"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/apiece/apiece/middleware"
)

// OnError counts what answer answers, by the status that it chooses. It is for
// the OnError of middleware.Config, which reaches everything inside.
func (m *Metrics) OnError(answer func(http.ResponseWriter, *http.Request, error)) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		sent := httpsnoop.Metrics{Code: http.StatusInternalServerError} // what the kit sends if answer writes nothing
		defer func() {
			m.errors.Add(context.WithoutCancel(r.Context()), 1, metric.WithAttributes(append(m.route(r),
				semconv.HTTPResponseStatusCode(sent.Code), errorType(err))...))
		}()
		sent.CaptureMetrics(w, func(w http.ResponseWriter) { answer(w, r, err) })
	}
}

// errorType returns the type of the error that has the status, since those around
// it say no more than where it passed.
func errorType(err error) attribute.KeyValue {
	if decides, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		err = decides
	}
	return semconv.ErrorType(err)
}

// Timeouts counts the requests that a Timeout ends. It stands directly inside of
// it, and counts a handler that does not return as well.
func (m *Metrics) Timeouts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, route := r.Context(), m.route(r)
		stop := context.AfterFunc(ctx, func() {
			if _, ok := errors.AsType[*middleware.TimeoutError](context.Cause(ctx)); ok {
				m.timeouts.Add(context.WithoutCancel(ctx), 1, metric.WithAttributes(route...))
			}
		})
		defer stop()
		next.ServeHTTP(w, r)
	})
}
